"""PLG-MI's attack against a naive loop, finite differences and a target it must win against."""

import dataclasses

import attack_models as models
import pytest
import torch
from mirage.attacks.given import Given
from mirage.attacks.kinds import KINDS
from mirage.attacks.kinds.plg.descent import MarginDescent
from mirage.attacks.kinds.plg.draws import BLOCK, ViewDraws
from mirage.attacks.kinds.plg.recipe import PlgAttackRecipe
from mirage.attacks.kinds.plg.recover import recover_latents
from mirage.attacks.losses import LOSSES
from mirage.errors import MirageError
from mirage.random_views import show

KIND = KINDS["plg"]
PX, DIM, CLASSES, SEED = 12, 6, [3, 0, 4], 7
RECIPE = PlgAttackRecipe(restarts=2, steps=BLOCK + 3)
MIX = torch.randn(DIM, PX * PX, generator=torch.Generator().manual_seed(5))
SHIFTS = torch.randn(5, PX * PX, generator=torch.Generator().manual_seed(6))


def _generate(z, labels):
    """A conditional prior that leaves [-1, 1] a little, as a tanh's upper half does not."""
    flat = torch.tanh(z @ MIX.to(z) / 4 + SHIFTS.to(z)[labels] / 4) * 0.6
    return flat.view(-1, 1, PX, PX)


def _recover(recipe=RECIPE, classes=CLASSES, batch=100, checkpoint=None, classifier=None):
    given = models.given(classes, PX, batch, checkpoint=checkpoint)
    model = classifier or models.classifier()
    return recover_latents(given, recipe, _generate, DIM, model)


def _alone(label, restart, recipe):
    """One latent by the published loop: Adam on the sum of the losses of two views."""
    model, draws = models.classifier(), ViewDraws([(label, restart)], recipe, PX, 0, SEED)
    z = draws.starts(DIM).requires_grad_()
    adam = torch.optim.Adam([z], lr=0.1)
    steps = [*draws.block(0), *draws.block(1)]
    for drawn in steps[: recipe.steps]:
        image = (_generate(z, torch.tensor([label])) + 1) / 2
        loss = torch.zeros(())
        for view in range(2):
            one = show(image, drawn.views.of(slice(view, view + 1)), drawn.orders[view])
            (logits,) = model(2 * one - 1)
            others = logits[torch.arange(5) != label]
            loss = loss - logits[label] + others.max()
        adam.zero_grad()
        loss.backward()
        adam.step()
    final = model(_generate(z, torch.tensor([label]))).softmax(1)[0, label]
    return z.detach()[0], final.detach()


def test_all_latents_at_once_are_the_published_loop_of_each():
    found = _recover()
    assert found.latents.shape == (3, 2, DIM)
    for row, label in enumerate(CLASSES):
        for restart in range(2):
            z, score = _alone(label, restart, RECIPE)
            torch.testing.assert_close(found.latents[row, restart], z, rtol=0, atol=2e-4)
            torch.testing.assert_close(found.scores[row, restart], score, rtol=0, atol=1e-3)
    assert found.found.all()
    assert found.queries.tolist() == [0, 0, 0]


def test_max_margin_loss_of_the_printed_case():
    assert LOSSES["margin"](torch.tensor([[3.0, 1.0, 2.0]]), torch.tensor([0])).tolist() == [-1]


def test_gradient_of_a_step_by_finite_differences():
    model = models.classifier(dtype=torch.float64)
    rows = [(label, restart) for label in CLASSES for restart in range(2)]
    draws = ViewDraws(rows, RECIPE, PX, 0, SEED)
    descent = MarginDescent(models.given(CLASSES, PX, 9), RECIPE, _generate, model, draws)
    step, z = draws.block(0)[2], draws.starts(DIM).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda z: descent.losses(z, step), z)


class Nearest(torch.nn.Module):
    """A linear target: how like an image is to each of five patterns."""

    def forward(self, images):
        return (images.flatten(1) @ SHIFTS.T.to(images)) / 10


def test_it_wins_against_a_linear_target():
    recipe, target = PlgAttackRecipe(restarts=3, steps=120), Nearest()

    def mixture(z, labels=None):
        return torch.tanh(z @ SHIFTS / 4).view(-1, 1, PX, PX)

    def right(z):
        return target(mixture(z.reshape(15, 5))).argmax(1).view(5, 3) == torch.arange(5)[:, None]

    rows = [(label, restart) for label in range(5) for restart in range(3)]
    assert right(ViewDraws(rows, recipe, PX, 0, SEED).starts(5)).float().mean() < 0.5
    found = recover_latents(models.given(range(5), PX, 100), recipe, mixture, 5, target)
    assert right(found.latents).all()
    assert (found.scores > 0.9).all()


def test_device_batch_and_chunks_change_rounding_alone():
    recipe = PlgAttackRecipe(restarts=2, steps=6)
    whole = _recover(recipe)
    small = _recover(recipe, batch=1)
    torch.testing.assert_close(small.latents, whole.latents, rtol=0, atol=1e-4)
    for row, label in enumerate(CLASSES):
        alone = _recover(recipe, [label], batch=1)
        assert torch.equal(alone.latents[0], small.latents[row])
        assert torch.equal(alone.scores[0], small.scores[row])


@pytest.mark.parametrize("ticks", [1, 10])
def test_interrupted_runs_end_in_the_same_bytes(tmp_path, ticks):
    whole = _recover(batch=4)
    pieces, runs = models.in_pieces(
        tmp_path / "state", lambda state: _recover(batch=4, checkpoint=state), ticks
    )
    assert runs > 5
    assert torch.equal(pieces.latents, whole.latents)
    assert torch.equal(pieces.scores, whole.scores)


def test_no_steps_leave_the_starting_points():
    found = _recover(PlgAttackRecipe(restarts=2, steps=0))
    rows = [(label, restart) for label in CLASSES for restart in range(2)]
    starts = ViewDraws(rows, RECIPE, PX, 0, SEED).starts(DIM)
    assert torch.equal(found.latents.flatten(0, 1), starts)
    assert len(starts.unique(dim=0)) == 6


def test_views_are_drawn_for_each_image_and_the_order_once_a_call():
    rows = [(3, 0), (0, 0), (3, 1)]
    steps = ViewDraws(rows, RECIPE, PX, 4, SEED).block(0)
    seen = torch.stack([torch.stack([s.views.brightness, s.views.degrees], 1) for s in steps])
    assert len(seen[..., 0].flatten().unique()) == BLOCK * 6
    orders = torch.stack([step.orders.view(2, 3, 3) for step in steps])
    assert torch.equal(orders[:, :, 0], orders[:, :, 1])
    assert not torch.equal(orders[:, :, 0], orders[:, :, 2])
    assert not torch.equal(orders[:, 0], orders[:, 1])
    noise = torch.stack([step.noise for step in steps])
    assert len(noise.view(-1, 4).unique(dim=0)) == BLOCK * 6
    one = ViewDraws(rows[2:], RECIPE, PX, 4, SEED).block(0)[5]
    for field, whole in zip(one.views, steps[5].views, strict=True):
        assert torch.equal(field, whole[[2, 5]])
    assert torch.equal(one.noise, steps[5].noise[[2, 5]])
    assert torch.equal(one.orders, steps[5].orders[[2, 5]])


class _Prior:
    z_dim = DIM

    def at(self, precision):
        return self

    def generate(self, z, labels):
        return _generate(z, labels)


def _run(monkeypatch, model, classes=(3, 0), **settings):
    monkeypatch.setattr(Given, "classifier", lambda _: model)
    monkeypatch.setattr(Given, "prior", lambda _: _Prior())
    told = {"restarts": 2, "steps": 4} | settings
    given = dataclasses.replace(models.given(list(classes), PX, 2), settings=told)
    return KIND.run["recover"](given)


def test_a_noisy_target_gets_noise_of_its_own_in_every_pass(monkeypatch):
    model = models.Noisy()
    whole = _run(monkeypatch, model)
    seen = torch.cat(model.seen)
    assert len(seen) == 2 * 2 * (4 * 2 + 1)  # classes, restarts, steps of two views and the score
    assert len(seen.unique(dim=0)) == len(seen)
    alone = _run(monkeypatch, models.Noisy(), [0])
    assert torch.equal(alone.latents[0], whole.latents[1])


def test_images_of_another_size_than_the_targets_are_resized(monkeypatch):
    class Sized(models.TinyClassifier):
        def forward(self, images):
            assert images.shape[-1] == 9
            return super().forward(images)

    given = dataclasses.replace(models.given([1], 9, 2), crop_px=PX)
    model = Sized().eval().requires_grad_(False)
    found = recover_latents(given, PlgAttackRecipe(1, 2), _generate, DIM, model)
    assert found.latents.isfinite().all()


def test_latents_that_are_not_finite_end_the_job():
    def broken(images):
        return models.classifier()(images) * torch.inf

    with pytest.raises(MirageError, match="too few recovered latents"):
        _recover(classifier=broken)


def test_settings():
    assert KIND.images_per_class({"plg": {}}) == 5
    assert list(KIND.checks["misfits"]({"plg": {}}, {}, {})) == []
    published = PlgAttackRecipe()
    assert (published.steps, published.optimiser.lr, published.n_views) == (600, 0.1, 2)
    assert published.optimiser.betas == (0.9, 0.999)
    assert published.view.jitter == 1
    with pytest.raises(MirageError, match="restarts"):
        PlgAttackRecipe(restarts=0)
