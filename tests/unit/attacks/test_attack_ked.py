"""KED-MI's recovery against PyTorch's Adam, a naive loop, a world known in advance, its kills."""

import attack_models as models
import inversion_models as linear
import pytest
import torch
from mirage.attacks.identity_batches import RowDraws, identity_batches
from mirage.attacks.kinds import KINDS
from mirage.attacks.kinds.ked.recipe import KedRecoveryRecipe
from mirage.attacks.kinds.ked.recover import DistributionDescent, doubt_of, recover_distributions
from mirage.errors import MirageError
from mirage.priors.rendering import Prior
from mirage.streams import generator

CLASSES = [3, 0, 4, 1, 2]
RECIPE = KedRecoveryRecipe(steps=4, batch_size=2, n_samples=3, lr=0.05)


def discriminator(images):
    """Looks at the other images of its batch, as minibatch discrimination does."""
    flat = images.flatten(1)
    return flat, flat[:, :3] - torch.exp(-torch.cdist(flat, flat, p=1.0) / 16).sum(1, keepdim=True)


def _recover(recipe=RECIPE, classes=CLASSES, device_batch=100, checkpoint=None, goal=None):
    goal = linear.goal("cross_entropy", doubt_of(discriminator)) if goal is None else goal
    given = models.given(classes, linear.PX, device_batch, checkpoint=checkpoint)
    return recover_distributions(given, recipe, goal, linear.Z)


def _naive(batch, recipe):
    """The published loop on one official batch, in its own words."""
    mu = torch.zeros(len(batch), linear.Z, requires_grad=True)
    log_variance = torch.ones(len(batch), linear.Z, requires_grad=True)
    adam = torch.optim.Adam([mu, log_variance], lr=recipe.lr)
    draws = RowDraws("eps", [(label, 0) for label in batch], linear.Z, 7, "cpu")

    def latents(eps):
        z = eps * torch.exp(0.5 * log_variance) + mu
        return torch.clamp(z, -1, 1) if recipe.clamp else z

    for step in range(recipe.steps):
        z = latents(draws.at(step))
        scores = discriminator(linear.unit(z).view(-1, 1, linear.PX, linear.PX))[1]
        total = torch.logsumexp(scores, 1)
        prior = torch.nn.functional.softplus(total).mean() - total.mean()
        logits = linear.target(linear.generate(z))[1]
        loss = prior + 100 * torch.nn.functional.cross_entropy(logits, torch.tensor(batch))
        adam.zero_grad()
        loss.backward()
        adam.step()
    streams = [generator(7, "attacks", "recovery", "samples", label) for label in batch]
    eps = torch.stack([torch.randn(recipe.n_samples, linear.Z, generator=s) for s in streams], 1)
    return torch.stack([latents(one) for one in eps], 1).detach()


@pytest.mark.parametrize("clamp", [True, False])
def test_all_batches_at_once_are_the_published_loop(clamp):
    recipe = KedRecoveryRecipe(steps=40, batch_size=2, n_samples=3, lr=0.01, clamp=clamp)
    found = _recover(recipe)
    assert found.shape == (5, 3, linear.Z)
    assert (found.abs().max() > 1) == (not clamp)
    for place, batch in ((0, [3, 0]), (2, [4, 1]), (4, [2])):
        expected = _naive(batch, recipe)
        # Adam turns rounding of small gradients into steps.
        torch.testing.assert_close(found[place : place + len(batch)], expected, rtol=0, atol=1e-3)


def test_distributions_start_at_zero_with_a_variance_of_e():
    batches = identity_batches([3, 0], 2, 1)
    descent = DistributionDescent(batches, KedRecoveryRecipe(clamp=False), 3000, 7, "cpu")
    z = descent.latents(0)
    assert z.mean().abs() < 0.06
    assert z.std().item() == pytest.approx(1.6487, abs=0.05)
    assert not torch.equal(descent.latents(1), z)
    held = DistributionDescent(batches, KedRecoveryRecipe(), 3000, 7, "cpu").latents(0)
    assert torch.equal(held, z.clamp(-1, 1))


def test_where_latents_are_clamped_nothing_pulls():
    descent = DistributionDescent(identity_batches([3], 1, 1), KedRecoveryRecipe(), 400, 7, "cpu")
    z = descent.latents(0)
    gradients = torch.autograd.grad(z.sum(), descent.parameters)
    inside = z.detach().abs() < 1
    assert inside.any()
    assert not inside.all()
    assert torch.equal(gradients[0], inside.float())
    eps = RowDraws("eps", [(3, 0)], 400, 7, "cpu").at(0)
    torch.testing.assert_close(gradients[1], inside * eps * 1.6487213 / 2)


def test_a_step_is_adam_s():
    descent = DistributionDescent(identity_batches([3], 1, 1), RECIPE, 3, 7, "cpu")
    first, second = torch.tensor([[2.0, -1e-3, 5.0]]), torch.tensor([[-3.0, 1.0, 4.0]])
    descent.move([first, second])
    torch.testing.assert_close(descent.mu.detach(), -0.05 * first.sign(), rtol=1e-4, atol=0)
    torch.testing.assert_close(descent.log_variance.detach(), 1 - 0.05 * second.sign())


@pytest.mark.parametrize("networks", [(0,), (0, 1)])
def test_a_linear_target_is_met_in_the_corner_where_its_logit_is_largest(networks):
    """Means leave the box towards the corner, until all draws are clamped to it."""
    students = [linear.student] if 1 in networks else []
    recipe = KedRecoveryRecipe(steps=400, batch_size=2, lr=0.05)
    found = _recover(recipe, goal=linear.goal(students=students))
    corners = linear.corners(CLASSES, networks)[:, None].expand(-1, 5, -1)
    assert (found == corners).float().mean() > 0.9
    assert torch.equal(found.mean(1).sign(), corners[:, 0])


def test_chunks_of_whole_batches_change_no_byte_if_stacks_are_equal():
    whole = _recover(device_batch=2)
    for chunk in ([3, 0], [4, 1, 2], [2]):
        alone = _recover(classes=chunk, device_batch=2)
        assert torch.equal(alone, whole[[CLASSES.index(label) for label in chunk]])


def test_a_latent_depends_on_its_batch():
    """A chunk that cut through a batch would find something else."""
    goal = linear.goal(doubt=doubt_of(discriminator), identity_weight=0.0)
    whole, alone = _recover(goal=goal), _recover(classes=[3], goal=goal)
    assert not torch.allclose(alone[0], whole[0], atol=1e-3)


def test_device_batch_changes_rounding_alone():
    recipe = KedRecoveryRecipe(steps=20, batch_size=2, n_samples=3, lr=0.01)
    one, all_ = _recover(recipe, device_batch=1), _recover(recipe)
    torch.testing.assert_close(one, all_, rtol=0, atol=1e-3)


@pytest.mark.parametrize("ticks", [1, 3])
def test_interrupted_runs_end_in_the_same_bytes(tmp_path, ticks):
    whole = _recover(device_batch=4)
    pieces, runs = models.in_pieces(
        tmp_path / "state", lambda state: _recover(device_batch=4, checkpoint=state), ticks
    )
    assert runs == 2 * 4 // ticks + 1  # two stacks of four steps
    assert torch.equal(pieces, whole)


def test_latents_that_are_not_finite_end_the_job():
    goal = linear.goal(doubt=lambda images, _: images.sum((1, 2, 3)) * torch.nan)
    with pytest.raises(MirageError, match=r"recovered latents are finite numbers: class 3"):
        _recover(goal=goal)


def test_the_stage_runs_on_what_it_is_given(monkeypatch):
    held = {
        "prior": Prior(linear.LinearGenerator(), linear.PX), "classifier": linear.classifier(),
        "critic": discriminator,
        "public": torch.zeros(3, 1, linear.PX, linear.PX, dtype=torch.uint8),
    }  # fmt: skip
    given = models.given(CLASSES, linear.PX, 4)
    for name, value in held.items():
        monkeypatch.setattr(type(given), name, lambda _, value=value: value)
    settings = {"steps": 150, "batch_size": 2, "lr": 0.05, "feature_weight": 0.001}
    object.__setattr__(given, "settings", settings)
    found = KINDS["ked"].run["recover"](given)
    assert found.latents.shape == (5, 5, linear.Z)
    assert found.scores.shape == (5, 5)
    assert found.scores.mean() > 0.9


def test_a_stage_declares_what_its_settings_ask_for():
    (stage,) = KINDS["ked"].stages
    assert stage.inputs({"feature_weight": 1.0})[-1] == "public"
    assert stage.classes_together({}) == 60
    assert KINDS["ked"].images_per_class({"ked": {"n_samples": 7}}) == 7
    assert KedRecoveryRecipe.of({}) == KedRecoveryRecipe(
        2400, 60, "cross_entropy", 100.0, 0.0, None, "fp32", 0.02
    )


@pytest.mark.parametrize(
    ("settings", "message"), [({"lr": 0}, "lr"), ({"n_samples": 0}, "n_samples")]
)
def test_impossible_settings_are_named(settings, message):
    with pytest.raises(MirageError, match=message):
        KedRecoveryRecipe.of(settings)
