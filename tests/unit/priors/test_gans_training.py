"""Training of the low-resolution priors: plain loops as oracles, the same bits if interrupted."""

import copy
import dataclasses
from types import SimpleNamespace

import pytest
import torch
from interruptions import StopAfter
from mirage.errors import Interrupted, MirageError
from mirage.priors.gans import ked, plg, wgan
from mirage.priors.gans.conditional import ConditionalGenerator
from mirage.priors.gans.critic import ClassifyingDiscriminator, Critic
from mirage.priors.gans.deconvolution import DeconvolutionGenerator
from mirage.priors.gans.history import History
from mirage.priors.gans.projection import ProjectionDiscriminator
from mirage.priors.gans.pseudo_labels import choose
from mirage.priors.gans.recipe import KedTrainingRecipe, PlgTrainingRecipe, WganTrainingRecipe
from mirage.priors.gans.training import EpochBatches, Shuffles
from mirage.priors.trained import train_and_save
from mirage.priors.trainers import TRAINERS
from mirage.priors.weights import load_discriminator, load_generator
from mirage.random_views import draw_orders, draw_views, show
from mirage.runtime import files
from mirage.runtime.checkpoint import Checkpoint
from mirage.streams import generator as stream
from mirage.targets.architectures import build
from mirage.targets.bottleneck import Bottleneck
from torch.nn import functional as F

CLASSES, SEED = 3, 5
SHAPE = {"image_px": 16, "image_channels": 1}
NETWORK = {**SHAPE, "channels": [6, 5]}
FAST = {"name": "adam", "lr": 0.01, "betas": [0.5, 0.999]}
WGAN = WganTrainingRecipe.of({
    "generator": {**NETWORK, "z_dim": 4}, "discriminator": NETWORK,
    "epochs": 4, "batch_size": 5, "discriminator_steps": 3, "optimiser": FAST,
})  # fmt: skip
KED = KedTrainingRecipe.of({
    "generator": {**NETWORK, "z_dim": 4},
    "discriminator": {**NETWORK, "classes": CLASSES, "kernels": 2, "kernel_dims": 2},
    "epochs": 4, "batch_size": 5, "discriminator_steps": 3, "optimiser": FAST,
    "entropy_weight": 0.01,
})  # fmt: skip
PLG = PlgTrainingRecipe.of({
    "generator": {**SHAPE, "channels": [7, 6, 5], "z_dim": 4, "classes": CLASSES},
    "discriminator": {**SHAPE, "channels": [7, 6, 5], "classes": CLASSES},
    "top_n": 2, "steps": 3, "batch_size": 5, "discriminator_steps": 2, "optimiser": FAST,
})  # fmt: skip
TRAININGS = {
    "wgan": (wgan.train_wgan, WGAN),
    "ked": (ked.train_ked, KED),
    "plg": (plg.train_plg, PLG),
}


def _images(count=13, px=16, channels=1):
    draws = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (count, channels, px, px), generator=draws, dtype=torch.uint8)


def _target(noisy=False):
    model = build("resnet-mini", CLASSES, 1, seed=2)
    if noisy:
        model.head = Bottleneck(model.head.in_features, CLASSES, True, stream(2, "head"))
    return model.freeze()


def _train(kind, checkpoint=None, seed=SEED, noisy=False, images=None, **changes):
    train, recipe = TRAININGS[kind]
    extra = [] if kind == "wgan" else [_target(noisy)]
    return train(
        _images() if images is None else images, dataclasses.replace(recipe, **changes), seed,
        checkpoint or Checkpoint(None, {}), "cpu", *extra,
    )  # fmt: skip


def _tensors(trained):
    named = {f"d.{k}": v for k, v in trained.discriminator.state_dict().items()}
    return {**trained.generator.state_dict(), **named}


def _bytes(trained):
    return {k: v.numpy().tobytes() for k, v in _tensors(trained).items()}, trained.history


@pytest.mark.parametrize("kind", TRAININGS)
def test_same_seed_same_bytes_and_no_global_state(kind):
    torch.manual_seed(1)
    once = _bytes(_train(kind))
    before = torch.get_rng_state()
    assert once == _bytes(_train(kind))
    assert torch.equal(before, torch.get_rng_state())
    assert once[0] != _bytes(_train(kind, seed=6))[0]


@pytest.mark.parametrize("noisy", [False, True])
@pytest.mark.parametrize("kind", TRAININGS)
def test_interrupted_after_any_step_it_ends_with_the_same_bytes(kind, noisy, tmp_path):
    if noisy and kind == "wgan":
        pytest.skip("it has no target")
    whole = _bytes(_train(kind, noisy=noisy))
    path = tmp_path / "state.safetensors"
    steps = 0
    while True:  # one step at a time
        try:
            resumed = _train(kind, StopAfter(path, 1, {}), noisy=noisy)
        except Interrupted:
            steps += 1
        else:
            break
    assert steps == whole[1]["step"][-1] == (3 if kind == "plg" else 4 * (13 // 5))
    assert _bytes(resumed) == whole


@pytest.mark.parametrize("kind", TRAININGS)
def test_networks_come_back_frozen_and_trained(kind):
    trained, (_, recipe) = _train(kind), TRAININGS[kind]
    for network in (trained.generator, trained.discriminator):
        assert not any(module.training for module in network.modules())
        assert not any(p.requires_grad for p in network.parameters())
        fresh = type(network)(network.config, SEED).state_dict()
        for name, value in network.named_parameters():
            # A bias before an instance norm has no effect, nor has one under a difference.
            if "bias" not in name and "projection" not in name:
                assert not torch.equal(value, fresh[name]), name
    assert trained.generator.config == recipe.generator


def _adam(network):
    return torch.optim.Adam(network.parameters(), lr=0.01, betas=(0.5, 0.999))


def _step(optimiser, loss):
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def _unit(images, rows):
    return images[rows].float() / 255


def _same(trained, generator, discriminator):
    for own, other in ((trained.generator, generator), (trained.discriminator, discriminator)):
        for name, value in other.named_parameters():
            # Before a norm a bias has no effect: its gradient is rounding, which Adam scales to 1.
            if "bias" not in name:
                found = own.state_dict()[name]
                torch.testing.assert_close(found, value.detach(), rtol=1e-3, atol=2e-5)
    labels, z = torch.arange(5) % CLASSES, torch.randn(5, 4)
    images = trained.generator.train()(z, labels)
    torch.testing.assert_close(images, generator(z, labels), rtol=1e-3, atol=1e-4)
    extra = [labels] if isinstance(discriminator, ProjectionDiscriminator) else []
    found, expected = (d(images, *extra) for d in (trained.discriminator.train(), discriminator))
    if isinstance(discriminator, Critic):  # one score is as good as another: so is its bias
        found, expected = found - found.mean(), expected - expected.mean()
    torch.testing.assert_close(found, expected, rtol=1e-3, atol=1e-4)


def _epochs(name, kind):
    """Batches as the published loaders make them: shuffled, the incomplete one dropped."""
    for epoch in range(4):
        order = torch.randperm(13, generator=stream(SEED, "priors", kind, name, epoch))
        yield from (order[start : start + 5] for start in range(0, 10, 5))


def _latents(kind, name, step):
    draws = stream(SEED, "priors", kind, name, step)
    return torch.randn(5, 4, generator=draws), draws


def test_wgan_is_the_plain_loop():
    images = _images()
    generator, critic = (
        DeconvolutionGenerator(WGAN.generator, SEED), Critic(WGAN.discriminator, SEED)
    )  # fmt: skip
    of_generator, of_critic = _adam(generator), _adam(critic)
    for step, rows in enumerate(_epochs("order", "wgan")):
        reals = _unit(images, rows)
        z, draws = _latents("wgan", "critic", step)
        fakes = generator(z).detach()
        a = torch.rand(5, generator=draws)[:, None, None, None]
        between = (reals + a * (fakes - reals)).requires_grad_()
        (slope,) = torch.autograd.grad(critic(between).sum(), between, create_graph=True)
        penalty = ((slope.square().sum((1, 2, 3)).sqrt() - 1) ** 2).mean()
        _step(of_critic, -(critic(reals).mean() - critic(fakes).mean()) + 10 * penalty)
        if (step + 1) % 3 == 0:
            z, _ = _latents("wgan", "generator", step)
            _step(of_generator, -critic(generator(z)).mean())
    _same(_train("wgan"), generator, critic)


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_ked_is_the_plain_loop(mode):
    images, target = _images(), copy.deepcopy(_target()).train(mode == "train")
    generator, judge = (
        DeconvolutionGenerator(KED.generator, SEED),
        ClassifyingDiscriminator(KED.discriminator, SEED),
    )
    of_generator, of_judge = _adam(generator), _adam(judge)
    orders = [_epochs(name, "ked") for name in ("labelled", "real", "matched")]
    for step, (known, real, matched) in enumerate(zip(*orders, strict=True)):
        known, real, matched = (_unit(images, rows) for rows in (known, real, matched))
        soft = target(2 * known - 1).softmax(1).detach()
        labelled = -(soft * judge(known)[1].log_softmax(1)).sum(1).mean()
        fakes = generator(_latents("ked", "discriminator", step)[0]).detach()
        of_real, of_fake = (judge(x)[1].logsumexp(1) for x in (real, fakes))
        unlabelled = (F.softplus(of_real) - of_real).mean() + F.softplus(of_fake).mean()
        _step(of_judge, labelled + 0.5 * unlabelled)
        if (step + 1) % 3 == 0:
            features, logits = judge(generator(_latents("ked", "generator", step)[0]))
            p = logits.softmax(1)
            matching = (features.mean(0) - judge(matched)[0].detach().mean(0)).abs().mean()
            _step(of_generator, matching - 0.01 * (p * p.log()).sum())
    _same(_train("ked", target_mode=mode), generator, judge)


def test_plg_is_the_plain_loop():
    images, target = _images(), _target()
    generator, judge = (
        ConditionalGenerator(PLG.generator, SEED), ProjectionDiscriminator(PLG.discriminator, SEED)
    )  # fmt: skip
    of_generator, of_judge = _adam(generator), _adam(judge)
    p = target(2 * _unit(images, slice(None)) - 1).softmax(1)
    pairs = [(c, int(n)) for c in range(CLASSES) for n in p[:, c].argsort(descending=True)[:2]]
    orders = (stream(SEED, "priors", "plg", "order", epoch) for epoch in range(9))
    endless = torch.cat([torch.randperm(6, generator=order) for order in orders]).tolist()
    for step in range(3):
        z, draws = _latents("plg", "generator", step)
        y = torch.randint(CLASSES, (5,), generator=draws)
        fakes = generator(z, y)
        loss = -judge(fakes, y).mean()
        views = draw_views(5, 16, PLG.views, draws)
        seen = show(fakes, views, draw_orders(1, draws)[0])
        logits = target(2 * seen - 1)
        own = logits[torch.arange(5), y]
        others = torch.stack(
            [row[torch.arange(CLASSES) != c].max() for row, c in zip(logits, y, strict=True)]
        )
        _step(of_generator, loss + 0.2 * (others.mean() - own.mean()))
        for turn in range(2 * step, 2 * step + 2):
            batch = [pairs[n] for n in endless[5 * turn : 5 * turn + 5]]
            labels, places = (torch.tensor(side) for side in zip(*batch, strict=True))
            draws = stream(SEED, "priors", "plg", "discriminator", turn)
            reals = _unit(images, places)
            reals = reals + torch.rand(reals.shape, generator=draws) / 256
            z = torch.randn(5, 4, generator=draws)
            y = torch.randint(CLASSES, (5,), generator=draws)
            of_reals, of_fakes = judge(reals, labels), judge(generator(z, y).detach(), y)
            _step(of_judge, F.relu(1 - of_reals).mean() + F.relu(1 + of_fakes).mean())
    _same(_train("plg"), generator, judge)


def test_the_published_schedule():
    recipe = WganTrainingRecipe()
    batches = EpochBatches(30_000, recipe.batch_size, 0, "order")
    steps = recipe.epochs * batches.per_epoch
    assert (steps, steps // recipe.discriminator_steps) == (56_160, 11_232)
    epoch = torch.cat([batches.rows(number) for number in range(468)])
    assert len(epoch) == len(epoch.unique()) == 29_952
    assert len(torch.cat([epoch, batches.rows(468)]).unique()) < 29_952 + 64
    assert PlgTrainingRecipe().steps * PlgTrainingRecipe().discriminator_steps == 150_000
    assert PlgTrainingRecipe().views.jitter == 0.5


def test_an_endless_row_of_shuffles():
    row = Shuffles(4, 1, "order").rows(0, 12)
    assert [sorted(part.tolist()) for part in row.split(4)] == [[0, 1, 2, 3]] * 3
    for first, size in ((3, 6), (0, 1), (8, 4), (2, 9)):
        assert torch.equal(Shuffles(4, 1, "order").rows(first, size), row[first : first + size])


@pytest.mark.parametrize("mode", ["train", "eval"])
def test_the_target_stays_as_it_is(mode):
    target = _target()
    before = copy.deepcopy(target.state_dict())
    recipe = dataclasses.replace(KED, target_mode=mode)
    ked.train_ked(_images(), recipe, SEED, Checkpoint(None, {}), "cpu", target)
    plg.train_plg(_images(), PLG, SEED, Checkpoint(None, {}), "cpu", target)
    assert all(torch.equal(before[k], v) for k, v in target.state_dict().items())
    assert not any(module.training for module in target.modules())


def test_pseudo_labels_are_the_most_probable_images_and_ties_go_to_the_later():
    probabilities = torch.tensor([
        [0.5, 0.2, 0.0], [0.1, 0.2, 0.0], [0.5, 0.9, 0.0], [0.2, 0.1, 0.0],
    ])  # fmt: skip
    chosen = choose(probabilities, 2)
    assert chosen.images.tolist() == [[2, 0], [2, 1], [3, 2]]
    assert chosen.seen.tolist() == [2, 2, 0]
    assert chosen.tied.tolist() == [False, True, True]
    assert choose(probabilities, 4).images[0].tolist() == [2, 0, 3, 1]
    assert not choose(probabilities, 4).tied.any()


def test_pseudo_labels_are_those_of_the_published_queue():
    draws = torch.Generator().manual_seed(3)
    probabilities = torch.randint(0, 5, (40, 3), generator=draws) / 10
    for c in range(3):
        queue = []
        for n, p in enumerate(probabilities[:, c].tolist()):
            if len(queue) < 7:
                queue.append((p, n))
            elif p >= min(queue)[0]:
                queue.remove(min(queue))
                queue.append((p, n))
        assert choose(probabilities, 7).images[c].tolist() == [n for _, n in sorted(queue)[::-1]]


def test_classes_without_look_alikes_are_told(caplog):
    target = _target()
    target.head.bias[1] = -1e4
    caplog.set_level("WARNING")
    plg.train_plg(_images(), PLG, SEED, Checkpoint(None, {}), "cpu", target)
    unseen, tied = (record.getMessage() for record in caplog.records)
    assert "no public image" in unseen
    assert "1" in unseen.split("(")[1]
    assert "equally probable for 1 of its 3 classes (1)" in tied


@pytest.mark.parametrize("kind", TRAININGS)
def test_a_divergence_is_one_plain_error(kind):
    rate = {**FAST, "lr": 1e30}
    recipe = type(TRAININGS[kind][1]).of({"optimiser": rate}).optimiser
    with pytest.raises(MirageError, match=r"diverged by step \d+ .*optimiser\.lr") as told:
        _train(kind, optimiser=recipe)
    assert ("inversion_weight" in str(told.value)) == (kind == "plg")


@pytest.mark.parametrize("kind", TRAININGS)
def test_images_that_do_not_fit_are_refused(kind):
    for images, named in (
        (_images(px=32), "image_px"), (_images(channels=3), "image_channels"),
        (_images().float(), "uint8"),
        (_images(1), "top_n" if kind == "plg" else "batch_size"),
    ):  # fmt: skip
        with pytest.raises(MirageError, match=named):
            _train(kind, images=images)


@pytest.mark.parametrize("kind", ["ked", "plg"])
def test_targets_that_do_not_fit_are_refused(kind):
    train, recipe = TRAININGS[kind]
    for target, named in ((None, "per_target"), (build("resnet-mini", 4, 1).freeze(), "classes")):
        with pytest.raises(MirageError, match=named):
            train(_images(), recipe, SEED, Checkpoint(None, {}), "cpu", target)


@pytest.mark.parametrize(
    ("recipe", "values", "named"),
    [
        (WganTrainingRecipe, {"epochs": 0}, "epochs"),
        (WganTrainingRecipe, {"penalty_weight": -1}, "penalty_weight"),
        (
            WganTrainingRecipe,
            {"discriminator": {"image_channels": 1}},
            "discriminator.image_channels",
        ),
        (KedTrainingRecipe, {"target_mode": "test"}, "target_mode"),
        (KedTrainingRecipe, {"entropy_weight": -1}, "entropy_weight"),
        (PlgTrainingRecipe, {"generator": {"classes": 4}}, "discriminator.classes"),
        (PlgTrainingRecipe, {"top_n": 0}, "top_n"),
    ],
)
def test_impossible_settings_are_named(recipe, values, named):
    with pytest.raises(MirageError, match=named):
        recipe.of(values)


def test_the_history_holds_means_of_windows():
    history = History(("a", "b"), 250, "cpu", "lr")
    for step in range(1, 251):
        losses = {"a": torch.tensor(float(step))}
        history.add(step, {**losses, "b": torch.tensor(2.0)} if step == 4 else losses)
    told = history.told()
    assert told["step"] == [*range(2, 251, 2)]
    assert told["a"] == [step - 0.5 for step in range(2, 251, 2)]
    assert told["b"] == [None, 2.0, *[None] * 123]
    assert history.note() == "a 249.50"


@pytest.mark.parametrize("kind", TRAININGS)
def test_a_trained_prior_is_on_disk_with_its_history(kind, tmp_path):
    names = {role: tmp_path / f"{role}.safetensors" for role in ("generator", "discriminator")}
    files.save_tensors(tmp_path / "view", {"pixels": _images()}, {})
    trainer, recipe = TRAINERS[kind], TRAININGS[kind][1]
    source = {"recipe": dataclasses.asdict(recipe), "seed": SEED, "dataset": "public"}
    target = _target() if trainer.needs_target else None
    train_and_save(
        kind, source, tmp_path / "view", SimpleNamespace(**names), Checkpoint(None, {}), "cpu",
        target,
    )  # fmt: skip
    trained = _train(kind)
    loaded = (load_generator(names["generator"]), load_discriminator(names["discriminator"]))
    assert [n.state_dict().keys() for n in loaded] == [n.state_dict().keys() for n in trained[:2]]
    assert _bytes(trained._replace(generator=loaded[0], discriminator=loaded[1])) == _bytes(trained)
    for path in names.values():
        assert files.read_metadata(path)["history"] == trained.history
    assert trainer.steps(recipe, 13).total == trained.history["step"][-1]
