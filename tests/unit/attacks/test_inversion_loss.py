"""What GMI, KED-MI and LOMMA minimise, against numbers by hand, numpy and finite differences."""

import attack_models as models
import inversion_models as linear
import numpy as np
import pytest
import torch
from mirage.attacks import tapped
from mirage.attacks.identity_batches import RowDraws, by_class, identity_batches
from mirage.attacks.inversion_loss import InversionLoss, LatentRows, inversion_loss, latent_rows
from mirage.attacks.inversion_recipe import InversionRecipe
from mirage.attacks.kinds.gmi.recover import doubt_of as critic_doubt
from mirage.attacks.kinds.ked.recover import doubt_of as ked_doubt
from mirage.attacks.losses import LOSSES
from mirage.attacks.tapped import TappedTarget, public_features
from mirage.errors import MirageError
from mirage.priors.rendering import Prior
from mirage.targets.architectures import build

LABELS = torch.tensor([2, 0, 4])


def _rows(*sizes):
    counts = torch.tensor(sizes)
    weights = (1 / counts.double()).repeat_interleave(counts)
    return LatentRows(torch.arange(sum(sizes)) % linear.K, list(sizes), weights)


def _z(count=3, seed=0):
    return torch.randn(count, linear.Z, generator=torch.Generator().manual_seed(seed)).double()


@pytest.mark.parametrize(
    ("logits", "likely"),
    [((0.0, 0.0), 2 / 3), ((2.0, -1.0, 0.5), None), ((-3.0, -3.0), None), ((40.0, 1.0), None)],
)
def test_ked_doubts_by_the_logarithm_of_how_real_an_image_is(logits, likely):
    z = np.exp(np.float64(logits)).sum()
    likely = likely or z / (z + 1)
    scores = torch.tensor([logits], dtype=torch.float64)
    doubt = ked_doubt(lambda images: (images, scores))(torch.zeros(1, 1, 2, 2), [1])
    assert doubt.item() == pytest.approx(-np.log(likely), rel=1e-9, abs=1e-15)
    by_parts = np.log1p(z) - np.log(z)  # softplus(lse) - lse, as published
    assert doubt.item() == pytest.approx(by_parts, rel=1e-6, abs=1e-12)


def test_ked_s_discriminator_sees_each_official_batch_alone():
    seen = []

    def discriminator(images):
        seen.append(len(images))
        return images, images.flatten(1) - images.mean()

    images = torch.rand(5, 1, 2, 2)
    found = ked_doubt(discriminator)(images, [2, 3])
    assert seen == [2, 3]
    apart = [ked_doubt(discriminator)(part, [len(part)]) for part in images.split([2, 3])]
    assert torch.equal(found, torch.cat(apart))


def test_gmi_s_doubt_is_the_critic_s_score():
    images = torch.rand(5, 1, 2, 2)
    doubt = critic_doubt(lambda images: images.sum((1, 2, 3)))
    assert torch.equal(doubt(images, [2, 3]), -images.sum((1, 2, 3)))


def test_the_prior_sees_images_in_unit_range():
    seen = []
    goal = linear.goal(
        doubt=lambda images, sizes: seen.append((images, sizes)) or images[:, 0, 0, 0]
    )
    goal.of(_z(), _rows(2, 1))
    ((images, sizes),) = seen
    assert sizes == [2, 1]
    torch.testing.assert_close(images.flatten(1), linear.unit(_z()))


def test_identity_loss_of_lomma_by_hand():
    """(1/M) sum of negative logits, plus lam times the mean square of the target's features."""
    images = linear.generate(_z())
    features, logits = (x.numpy() for x in linear.target(images))
    others = [linear.student(images).numpy(), 3 * linear.student(images).numpy()]
    reference = torch.linspace(-1, 1, linear.PX**2, dtype=torch.float64)
    goal = linear.goal(
        students=[linear.student, lambda images: 3 * linear.student(images)],
        reference=reference, feature_weight=0.7,
    )  # fmt: skip
    own = [-np.mean([x[i, y] for x in (logits, *others)]) for i, y in enumerate(LABELS.tolist())]
    apart = ((features - reference.numpy()) ** 2).mean(axis=1)
    torch.testing.assert_close(
        goal.identity(images, LABELS), torch.from_numpy(np.array(own) + 0.7 * apart)
    )


def test_cross_entropy_of_several_networks_is_averaged_too():
    images = linear.generate(_z())
    goal = linear.goal("cross_entropy", students=[linear.student])
    entropies = [
        -net.log_softmax(1)[range(3), LABELS]
        for net in (linear.target(images)[1], linear.student(images))
    ]
    torch.testing.assert_close(goal.identity(images, LABELS), sum(entropies) / 2)


def test_the_whole_is_doubt_and_a_hundred_identity_losses():
    rows, z = _rows(2, 1), _z()
    goal = linear.goal("cross_entropy", critic_doubt(lambda images: images.square().sum((1, 2, 3))))
    images = linear.generate(z)
    expected = -linear.unit(z).square().sum(1) + 100 * goal.identity(images, rows.labels)
    torch.testing.assert_close(goal.of(z, rows), expected)


@pytest.mark.parametrize("coupled", [False, True])
def test_gradient_of_official_means_by_finite_differences(coupled):
    model = build("resnet-mini", linear.K, 1, seed=1).double().freeze()
    tap = TappedTarget(model)

    def compared(images):
        """Each image's logits depend on the other images of its batch."""
        flat = images.flatten(1)
        return flat, flat[:, :3] + torch.cdist(flat, flat.detach().roll(1, 0)).sum(1, keepdim=True)

    alone = critic_doubt(lambda images: images.square().sum((1, 2, 3)))
    students = [build("convnet-mini", linear.K, 1, seed=2).double().freeze()]
    goal = InversionLoss(
        lambda z, _: torch.nn.functional.interpolate(linear.generate(z), (16, 16)).tanh(),
        ked_doubt(compared) if coupled else alone, tap, LOSSES["identity"], students,
        torch.zeros(64, dtype=torch.float64), 1.0, 2.0,
    )  # fmt: skip
    rows, z = _rows(3, 2), _z(5).requires_grad_()

    def official(z):
        return torch.stack([part.mean() for part in goal.of(z, rows).split(rows.sizes)]).sum()

    (gradient,) = torch.autograd.grad(goal.of(z, rows), z, rows.weights)
    for row in (0, 4):
        for place in (1, 5):
            nudge = torch.zeros_like(z)
            nudge[row, place] = 1e-6
            with torch.no_grad():
                slope = (official(z + nudge) - official(z - nudge)) / 2e-6
            assert gradient[row, place].item() == pytest.approx(slope.item(), rel=1e-4, abs=1e-8)


def test_rows_weigh_as_their_own_batch_does():
    batches = identity_batches([7, 1, 3, 4, 0], 3, 2)
    rows = latent_rows(batches, "cpu")
    assert rows.labels.tolist() == [7, 1, 3, 7, 1, 3, 4, 0, 4, 0]
    assert rows.sizes == [3, 3, 2, 2]
    assert rows.weights.tolist() == pytest.approx([1 / 3] * 6 + [1 / 2] * 4)


def test_batches_are_cut_in_order_and_put_together_by_class():
    batches = identity_batches([7, 1, 3, 4, 0], 3, 2)
    assert [(b.labels, b.restart, b.start, b.stop) for b in batches] == [
        ((7, 1, 3), 0, 0, 3), ((7, 1, 3), 1, 3, 6), ((4, 0), 0, 6, 8), ((4, 0), 1, 8, 10),
    ]  # fmt: skip
    rows = torch.tensor(
        [[[10 * label + batch.restart]] for batch in batches for label in batch.labels]
    )
    assert by_class(rows, batches).squeeze(2).tolist() == [
        [70, 71], [10, 11], [30, 31], [40, 41], [0, 1],
    ]  # fmt: skip


def test_draws_are_those_of_class_restart_and_step():
    whole = RowDraws("eps", [(3, 0), (3, 1), (5, 0)], 4, 7, "cpu")
    steps = torch.stack([whole.at(step) for step in range(70)])
    alone = RowDraws("eps", [(5, 0)], 4, 7, "cpu")
    assert torch.equal(alone.at(69)[0], steps[69, 2])  # asked for in the middle, as a resumed run
    flat = steps.flatten(0, 1)
    assert len(torch.unique(flat, dim=0)) == len(flat)
    assert flat.mean().abs() < 0.15
    assert flat.std().item() == pytest.approx(1, abs=0.1)
    other = RowDraws("noise", [(5, 0)], 4, 7, "cpu")
    assert not torch.equal(other.at(0), alone.at(0))
    assert RowDraws("noise", [(5, 0)], 0, 7, "cpu").arguments(3) == ()


def _public(count=60):
    shape = (count, 1, linear.PX, linear.PX)
    return torch.randint(256, shape, generator=torch.Generator().manual_seed(0)).to(torch.uint8)


def test_public_features_are_numpy_s_mean():
    images = _public()
    found = public_features(TappedTarget(linear.classifier()), images, 7, 13, "cpu")
    expected = (images.numpy().reshape(60, -1).astype(np.float64) / 255).mean(axis=0)
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-5)


def test_public_features_are_of_a_drawn_part(monkeypatch):
    assert tapped.PUBLIC_IMAGES == 5050
    monkeypatch.setattr(tapped, "PUBLIC_IMAGES", 2)
    images = torch.full((40, 1, linear.PX, linear.PX), 0, dtype=torch.uint8)
    images += torch.arange(40, dtype=torch.uint8)[:, None, None, None]
    target = TappedTarget(linear.classifier())
    means = [
        public_features(target, images, seed, 9, "cpu")[0].item() * 255 * 2 for seed in range(9)
    ]
    for total in means:  # the sum of two different ones of 0 to 39
        assert total == pytest.approx(round(total), abs=1e-2)
        assert 1 <= round(total) <= 77
    assert len({round(total) for total in means}) > 4


def test_features_of_a_bottleneck_are_its_code_without_noise():
    model = linear.noisy_classifier()
    images = 2 * torch.rand(3, 1, linear.PX, linear.PX) - 1
    target = TappedTarget(model)
    assert target.noise_width == 8
    features, logits = target(images, torch.ones(3, 8))
    pooled = (images.flatten(1) + 1) / 2
    statistics = pooled @ model.head.statistics.weight.T + model.head.statistics.bias
    torch.testing.assert_close(features, statistics[:, :8])
    code = statistics[:, :8] + torch.nn.functional.softplus(statistics[:, 8:] - 5)
    torch.testing.assert_close(logits, model.head.classifier(code))
    torch.testing.assert_close(target.features(images), features)


def _given(monkeypatch, target, **held):
    given = models.given([0, 1], linear.PX, 4)
    monkeypatch.setattr(type(given), "classifier", lambda _: target)
    for name, value in held.items():
        monkeypatch.setattr(type(given), name, lambda _, value=value: value)
    return given


def test_a_stage_s_loss_has_what_its_recipe_asks_for(monkeypatch):
    prior, target = Prior(linear.LinearGenerator(), linear.PX), linear.classifier()
    given = _given(monkeypatch, target, public=_public(), students=[linear.classifier(1)])
    plain = inversion_loss(given, InversionRecipe(), prior, linear.no_doubt)
    assert plain.reference is None
    assert not plain.students
    assert (plain.identity_weight, plain.loss) == (100, LOSSES["cross_entropy"])
    recipe = InversionRecipe(loss="identity", feature_weight=1.0, students="three")
    lomma = inversion_loss(given, recipe, prior, linear.no_doubt)
    z, labels = _z().float(), LABELS
    images = lomma.generate(z, labels)
    torch.testing.assert_close(images, linear.generate(z))
    expected = linear.goal(students=[linear.student], reference=lomma.reference, feature_weight=1.0)
    torch.testing.assert_close(lomma.identity(images, labels), expected.identity(images, labels))


def test_public_features_that_are_not_finite_are_told(monkeypatch):
    target = linear.classifier()
    monkeypatch.setattr(type(target), "features", lambda _, x: x.flatten(1) / 0)
    with pytest.raises(MirageError, match="60 of 60 public images"):
        public_features(TappedTarget(target), _public(), 7, 13, "cpu")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"steps": -1}, "steps"), ({"batch_size": 0}, "batch_size"), ({"loss": "logit"}, "loss"),
        ({"identity_weight": -1}, "identity_weight"), ({"feature_weight": -1}, "feature_weight"),
    ],
)  # fmt: skip
def test_impossible_settings_are_named(settings, message):
    with pytest.raises(MirageError, match=message):
        InversionRecipe.of(settings)
