"""BiDO: the dependency in closed form and as published, batches, and trainings that diverge."""

import itertools
import math

import pytest
import torch
from interruptions import StopAfter
from mirage.errors import Interrupted, MirageError
from mirage.study.treatment import Treatment
from mirage.targets import dependency, training
from mirage.targets.architectures import BUILDERS, build
from mirage.targets.balancing import balanced
from mirage.targets.hooks import NAMES, STAGES
from mirage.targets.training_loss import watched
from mirage.targets.treatments import make
from test_targets_training import NO_STATE, RECIPE, TRAIN, run, same, striped

LABELS = torch.tensor([0, 1, 2, 0, 1, 0])


def part(spelled="bido0.05_0.5", **settings):
    return make(Treatment.parse(spelled).settings({"bido": settings}))


def values(*shape, seed=0, scale=1.0):
    stream = torch.Generator().manual_seed(seed)
    return scale * torch.randn(*shape, dtype=torch.float64, generator=stream)


def by_loops(a):
    """The Gaussian kernel from its definition."""
    flat = a.flatten(1)
    kernel = torch.empty(len(a), len(a), dtype=torch.float64)
    for i, j in itertools.product(range(len(a)), repeat=2):
        square = (flat[i] - flat[j]).square().sum()
        kernel[i, j] = torch.exp(-square / (2 * 5.0**2 * flat.shape[1]))
    return kernel


def one_sided(kernel):
    """The published operator: K H (K H + eps m I)^-1."""
    m = len(kernel)
    centred = kernel @ (torch.eye(m, dtype=kernel.dtype) - 1 / m)
    return centred @ torch.linalg.inv(centred + 1e-5 * m * torch.eye(m, dtype=kernel.dtype))


def published(a, b):
    """The published dependency of two kernel matrices: sum_ij R(A)_ij R(B)_ji."""
    return (one_sided(a) * one_sided(b).T).sum()


def test_kernels_are_those_of_their_definition():
    a = values(6, 3, 4, 2, scale=3)
    torch.testing.assert_close(dependency.gaussian(a), by_loops(a), rtol=1e-12, atol=0)
    expected = torch.tensor([[1, 0, 0, 1, 0, 1], [0, 1, 0, 0, 1, 0], [0, 0, 1, 0, 0, 0]])
    assert torch.equal(dependency.of_labels(LABELS)[:3], expected.double())


@pytest.mark.parametrize("scale", [0.1, 1.0, 10.0])
def test_two_sided_centring_gives_the_published_number(scale):
    images, hidden = values(6, 3, 5, 5), [values(6, 4, 3, 3, seed=1, scale=scale), values(6, 7)]
    on_images, on_labels = dependency.dependencies(
        images.float(), LABELS, [z.float() for z in hidden]
    )
    for place, z in enumerate(hidden):
        kernel = by_loops(z)
        on_x = published(kernel, by_loops(images))
        on_y = published(kernel, dependency.of_labels(LABELS))
        assert on_images[place].item() == pytest.approx(on_x.item(), rel=1e-5)
        assert on_labels[place].item() == pytest.approx(on_y.item(), rel=1e-5)


def test_two_samples_in_closed_form():
    """H K H has one eigenvalue 1 - k, so d = (1 - k) / (1 - k + 2 eps) * (1 - l) / (...)."""
    z = torch.tensor([[0.0, 0.0], [6.0, 8.0]])  # |z_1 - z_2|^2 / (50 * 2) = 1
    own, other = 1 - math.exp(-1), 1.0
    share = own / (own + 2e-5) * other / (other + 2e-5)
    _, on_labels = dependency.dependencies(torch.zeros(2, 1), torch.tensor([0, 1]), [z])
    assert on_labels.item() == pytest.approx(share, rel=1e-9)


def test_dependency_lies_between_nothing_and_all_directions():
    images, labels = values(8, 20), torch.arange(8)
    constant, spread = torch.ones(8, 3), values(8, 3, seed=2, scale=1e4)
    on_images, on_labels = dependency.dependencies(
        images.float(), labels, [constant, spread.float()]
    )
    assert on_labels[0].item() == pytest.approx(0, abs=1e-6)
    assert on_labels[1].item() == pytest.approx(7, rel=1e-3)  # m - 1
    assert 0 < on_images[1].item() < 7


def test_gradients_are_those_of_finite_differences():
    images, kernels = values(5, 6), [by_loops(values(5, 6)), dependency.of_labels(LABELS[:5])]
    z = values(5, 3, 2, seed=1, scale=2).requires_grad_()

    def measured(z):
        sides = torch.stack([*kernels, dependency.gaussian(z)])
        inputs, wanted, own = dependency.normalised(sides)[0]
        return (own * inputs).sum(), (own * wanted).sum()

    assert torch.autograd.gradcheck(measured, z)
    far = 3000 + values(5, 400, seed=3)  # float32 holds its differences to 2e-4
    stages = [z.detach().float(), values(5, 7, seed=2).float(), far.float()]
    for stage in stages:
        stage.requires_grad_()
    on_images, on_labels = dependency.dependencies(images.float(), LABELS[:5], stages)
    ours = torch.autograd.grad((2 * on_images - 3 * on_labels).sum(), stages)
    for stage, gradient in zip(stages, ours, strict=True):
        exact = stage.detach().double().requires_grad_()
        on_x, on_y = measured(exact)
        (theirs,) = torch.autograd.grad(2 * on_x - 3 * on_y, exact)
        torch.testing.assert_close(gradient.double(), theirs, rtol=1e-3, atol=1e-6)
        assert (gradient - theirs).abs().max() < 2e-5 * theirs.abs().max()


def test_long_activations_lose_no_digits_that_count():
    """A stage's 10^5 values, alike and far from zero: what float32 makes of them."""
    z = 30 + values(8, 100_000, scale=0.5)
    exact = by_loops(z)
    torch.testing.assert_close(dependency.gaussian(z.float()), exact, rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("name", [n for n in BUILDERS if n.endswith("-mini") or n == "resnet18"])
def test_stages_are_where_the_image_gets_smaller(name):
    channels, px = (1, 32) if name.endswith("-mini") else (3, 64)
    model = build(name, 5, channels).eval()
    with watched(model, NAMES) as seen:
        model(torch.zeros(2, channels, px, px))
    sides = [seen[stage].shape[-1] for stage in NAMES]
    assert sides == sorted(set(sides), reverse=True)


@pytest.mark.parametrize("name", ["resnet152", "resnext50", "densenet121"])
def test_stages_of_the_papers_networks(name):
    with torch.device("meta"):
        model = build(name, 5, 3).eval()
    model = model.to("meta")
    with watched(model, NAMES) as seen:
        model(torch.zeros(2, 3, 224, 224, device="meta"))
    assert [seen[stage].shape[-1] for stage in NAMES] == [56, 28, 14, 7]
    if name == "resnet152":
        sizes = [seen[stage][0].numel() for stage in NAMES]
        assert sizes == [802_816, 401_408, 200_704, 100_352]


def test_every_architecture_of_a_face_target_but_inception_names_its_stages():
    students = {f"efficientnet-b{n}" for n in (0, 1, 2)}
    digits = {"digitnet"}  # of three convolutions, which no defense of the paper trains
    assert set(BUILDERS) - set(STAGES) == {"inception-v3"} | students | digits
    Treatment.parse("mid0.1").require_stages("inception-v3")
    with pytest.raises(
        MirageError, match=r"bido0.05_1 looks at .* that inception-v3 does not name"
    ):
        Treatment.parse("bido0.05_1").require_stages("inception-v3")


def test_loss_is_cross_entropy_and_eight_weighted_dependencies():
    trained = run(treatment=part("bido0.05_1"))
    columns = [f"{stage}_{on}" for stage in NAMES for on in "xy"]
    assert list(trained.history[0])[2:-1] == ["loss", "cross_entropy", *columns]
    for row in trained.history:
        assert row["loss"] == pytest.approx(sum(row[c] for c in ("cross_entropy", *columns)))
        assert all(row[f"{stage}_x"] > 0 > row[f"{stage}_y"] for stage in NAMES)
    first, last = trained.history[0], trained.history[-1]
    assert last["stage4_y"] < first["stage4_y"]  # more of the label


def test_the_first_step_has_the_penalty_of_the_fresh_network():
    recipe = training.TrainingRecipe.of(
        {"epochs": 1, "batch_size": 29, "optimiser": {"name": "sgd", "lr": 1e-9}}
    )
    (row,) = run(recipe, treatment=part("bido0.05_1")).history
    model = build("resnet-mini", 3, 1, seed=7)
    images = TRAIN.pixels.float() / 127.5 - 1
    with watched(model, NAMES) as seen:
        model(images)
    for stage in NAMES:
        kernel = by_loops(seen[stage].detach().double())
        on_x = published(kernel, by_loops(images.double()))
        on_y = published(kernel, dependency.of_labels(TRAIN.labels))
        assert row[f"{stage}_x"] == pytest.approx(0.05 * on_x.item(), rel=1e-3)
        assert row[f"{stage}_y"] == pytest.approx(-1.0 * on_y.item(), rel=1e-3)


BALANCED = {"batches": "balanced", "images_per_class": 2}


@pytest.mark.parametrize("settings", [{}, BALANCED], ids=["shuffled", "balanced"])
@pytest.mark.parametrize("ticks", [1, 6, 11])
def test_an_interrupted_training_ends_in_the_same_bytes(tmp_path, ticks, settings):
    recipe = training.TrainingRecipe.of({**_plain(RECIPE), "batch_size": 6})
    whole = run(recipe, treatment=part(**settings))
    path = tmp_path / "state.safetensors"
    with pytest.raises(Interrupted):
        run(recipe, treatment=part(**settings), checkpoint=StopAfter(path, ticks))
    again = run(recipe, treatment=part(**settings), checkpoint=StopAfter(path, 10**9))
    assert same(again, whole)


def _plain(recipe):
    return {
        "epochs": recipe.epochs,
        "optimiser": {"name": "adam", "lr": 3e-3},
        "augmentation": {"crop_scale": [0.85, 1], "flip": 0.5},
    }


@pytest.mark.parametrize(
    ("counts", "batch", "each", "batches"),
    [([7] * 24, 8, 2, 18), ([3] * 24, 8, 2, 6), ([9, 4, 4], 8, 4, 2), ([5, 2, 3, 8], 4, 2, 4)],
)
def test_balanced_batches_hold_as_many_of_each_class(counts, batch, each, batches):
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    labels = labels[torch.randperm(len(labels), generator=torch.Generator().manual_seed(0))]
    epochs = [
        balanced(labels, batch, each, torch.Generator().manual_seed(seed)) for seed in range(40)
    ]
    for rows in epochs:
        assert len(rows) == batches * batch
        assert len(rows.unique()) == len(rows)  # no image twice in an epoch
        for part in labels[rows].split(batch):
            found = part.bincount(minlength=len(counts))
            assert set(found.tolist()) <= {0, each, 2 * each}
            if max(counts) // each <= batches:
                assert found.max() == each
    assert len({tuple(rows.tolist()) for rows in epochs}) == 40
    assert len(torch.cat(epochs).unique()) == len(labels)  # none is left out for ever


@pytest.mark.parametrize(
    ("counts", "batch", "each", "told"),
    [
        ([3, 1, 3], 4, 2, "classes 1 have fewer than 2 training images"),
        ([3, 3], 5, 2, "a multiple of 2"),
        ([2, 2], 8, 2, "2 groups of 2 images fill no batch of 8"),
    ],
)
def test_batches_that_cannot_be_balanced_are_refused(counts, batch, each, told):
    labels = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    with pytest.raises(MirageError, match=told):
        balanced(labels, batch, each, torch.Generator())


def diverging(monkeypatch, epoch, checkpoint=NO_STATE):
    """Let the dependency be no number from an epoch on."""
    calls, real = [], dependency.dependencies

    def spoilt(images, labels, hidden):
        calls.append(None)
        on_images, on_labels = real(images, labels, hidden)
        lost = len(calls) > epoch * 4  # 29 images in batches of 8
        return (on_images * math.nan, on_labels) if lost else (on_images, on_labels)

    monkeypatch.setattr(dependency, "dependencies", spoilt)
    return run(treatment=part(), checkpoint=checkpoint)


def test_a_training_that_diverges_is_a_result(monkeypatch):
    with monkeypatch.context() as patch:
        trained = diverging(patch, epoch=2)
    reason = "the training loss is no finite number after epoch 2; kept are those of epoch 1"
    assert trained.metrics["diverged"] == {"epoch": 2, "reason": reason}
    assert trained.metrics["kept_epoch"] == 1
    assert len(trained.history) == 3
    assert math.isnan(trained.history[-1]["loss"])
    assert all(tensor.isfinite().all() for tensor in trained.model.state_dict().values())
    assert 0 <= trained.metrics["test_accuracy"] <= 1


def test_one_that_diverges_at_once_keeps_the_weights_it_began_with(monkeypatch):
    trained = diverging(monkeypatch, epoch=0)
    assert trained.metrics["kept_epoch"] == -1
    assert "before the first epoch" in trained.metrics["diverged"]["reason"]
    fresh = build("resnet-mini", 3, 1, seed=7).state_dict()
    for name, tensor in trained.model.state_dict().items():
        torch.testing.assert_close(tensor, fresh[name])


def test_the_divergence_of_a_resumed_training_is_the_same(monkeypatch, tmp_path):
    with monkeypatch.context() as patch:
        whole = diverging(patch, epoch=1)
    path = tmp_path / "state.safetensors"
    with monkeypatch.context() as patch, pytest.raises(Interrupted):
        diverging(patch, 1, StopAfter(path, 8))  # right after the epoch that has diverged
    assert repr(run(treatment=part(), checkpoint=StopAfter(path, 10**9)).metrics) == repr(
        whole.metrics
    )


def test_a_plain_training_that_diverges_is_still_an_error():
    recipe = training.TrainingRecipe.of(
        {"epochs": 2, "batch_size": 8, "optimiser": {"name": "sgd", "lr": 1e30}}
    )
    with pytest.raises(MirageError, match="the training loss is"):
        run(recipe)
    # The same with a penalty, and of itself.
    assert run(recipe, treatment=part()).metrics["diverged"]["epoch"] == 0


@pytest.mark.parametrize(
    ("spelled", "told"),
    [
        ("bido0.05", "'bido0.05' is no part of a treatment"),
        ("bido-0.05_0.5", "lambda_x is -0.05. Expected: a weight of 0 or more"),
        ("bido0.05_-1", "lambda_y is -1.0. Expected: a weight of 0 or more"),
        ("bido0_0", "not both weights 0"),
        ("bido0.05_1.0", "'bido0.05_1.0' is no part of a treatment"),
    ],
)
def test_impossible_weights_are_refused(spelled, told):
    with pytest.raises(MirageError) as refused:
        Treatment.parse(spelled)
    assert told in str(refused.value)


def test_settings_of_its_batches():
    assert part()[0].order(LABELS, 6, torch.Generator()) is None
    rows = part(**BALANCED)[0].order(TRAIN.labels, 6, torch.Generator())
    assert TRAIN.labels[rows.view(-1, 2)].diff(dim=1).abs().max() == 0
    with pytest.raises(MirageError, match="images_per_class is 1"):
        part(images_per_class=1)


def test_balanced_epochs_are_means_over_the_images_they_show():
    train = striped(30)
    recipe = training.TrainingRecipe.of({**_plain(RECIPE), "batch_size": 4})
    trained = run(recipe, train=train, treatment=part(**BALANCED))
    for row in trained.history:
        assert row["train_accuracy"] <= 1
        assert 0 < row["cross_entropy"] < 3
