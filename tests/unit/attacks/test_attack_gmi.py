"""GMI against PyTorch's Nesterov, a naive loop, a world known in advance, and its interruptions."""

import attack_models as models
import inversion_models as linear
import pytest
import torch
from mirage.attacks.descent import reconstructed
from mirage.attacks.identity_batches import identity_batches
from mirage.attacks.kinds import KINDS
from mirage.attacks.kinds.gmi.recipe import GmiRecoveryRecipe
from mirage.attacks.kinds.gmi.recover import PointDescent, doubt_of, recover_points, starts
from mirage.attacks.tapped import TappedTarget
from mirage.errors import MirageError
from mirage.priors.rendering import Prior

CLASSES = [3, 0, 4, 1, 2]
RECIPE = GmiRecoveryRecipe(steps=4, batch_size=2, restarts=3, lr=0.002)
DOUBT = doubt_of(lambda images: images.square().sum((1, 2, 3)))


def _recover(recipe=RECIPE, classes=CLASSES, device_batch=100, checkpoint=None, goal=None, seed=7):
    goal = linear.goal("cross_entropy", DOUBT) if goal is None else goal
    given = models.given(classes, linear.PX, device_batch, seed, checkpoint=checkpoint)
    return recover_points(given, recipe, goal, linear.Z)


def test_the_step_is_pytorch_s_nesterov():
    stream = torch.Generator().manual_seed(0)
    start = 0.1 * torch.randn(3, 5, generator=stream, dtype=torch.float64)
    matrix = torch.randn(5, 5, generator=stream, dtype=torch.float64)
    theirs = start.clone().requires_grad_()
    sgd = torch.optim.SGD([theirs], 0.002, momentum=0.9, nesterov=True)
    ours = PointDescent(start, 0.002, 0.9)
    for step in range(60):
        for z, moves in ((ours.latents(step), ours.move), (theirs, None)):
            loss = (z @ matrix).square().sum() + z.sin().sum()
            (gradient,) = torch.autograd.grad(loss, z)
            if moves:
                moves([gradient])
            else:
                theirs.grad = gradient
                sgd.step()
    assert ours.z.abs().max() < 1  # the clamp had no part in it
    assert not torch.allclose(ours.z, start, atol=1e-2)
    torch.testing.assert_close(ours.results()[:, 0], theirs, rtol=1e-12, atol=1e-14)


def test_the_clamp_is_after_the_step_and_leaves_the_velocity():
    descent = PointDescent(torch.tensor([[3.0, -0.5, 0.0]]), 0.1, 0.5)
    assert descent.latents(0).tolist() == [[3.0, -0.5, 0.0]]  # the start is not clamped
    descent.move([torch.tensor([[-1.0, 40.0, 2.0]])])
    # v' = -lr g = (0.1, -4, -0.2), z' = z + 1.5 v' = (3.15, -6.5, -0.3)
    torch.testing.assert_close(descent.velocity, torch.tensor([[0.1, -4.0, -0.2]]))
    torch.testing.assert_close(descent.z.detach(), torch.tensor([[1.0, -1.0, -0.3]]))
    descent.move([torch.zeros(1, 3)])
    # v'' = 0.5 v', z'' = z' - 0.5 v' + 1.5 v''= z' + 0.25 v'
    torch.testing.assert_close(descent.z.detach(), torch.tensor([[1.0, -1.0, -0.35]]))


def _naive(batch, restart, start, recipe):
    """The published loop on one official batch: a mean over it, and PyTorch's optimiser."""
    z = start.clone().requires_grad_()
    sgd = torch.optim.SGD([z], recipe.lr, momentum=recipe.momentum, nesterov=True)
    labels = torch.tensor(batch)
    for _ in range(recipe.steps):
        images = linear.generate(z)
        critic = linear.unit(z).square().sum(1)
        entropy = torch.nn.functional.cross_entropy(linear.target(images)[1], labels)
        sgd.zero_grad()
        (-critic.mean() + 100 * entropy).backward()
        sgd.step()
        z.data.clamp_(-1, 1)
    return z.detach()


def test_all_batches_at_once_are_the_published_loop():
    found = _recover()
    assert found.shape == (5, 3, linear.Z)
    for place, batch in ((0, [3, 0]), (2, [4, 1]), (4, [2])):
        for restart in range(3):
            batches = identity_batches(batch, 2, 3)[restart : restart + 1]
            start = starts(batches, "own", linear.Z, 7)
            expected = _naive(batch, restart, start, RECIPE)
            torch.testing.assert_close(
                found[place : place + len(batch), restart], expected, rtol=1e-4, atol=1e-5
            )


@pytest.mark.parametrize("networks", [(0,), (0, 1)])
def test_a_linear_target_is_met_in_the_corner_where_its_logit_is_largest(networks):
    students = [linear.student] if 1 in networks else []
    goal = linear.goal(students=students)
    found = _recover(GmiRecoveryRecipe(steps=200, batch_size=2), goal=goal)
    corners = linear.corners(CLASSES, networks)
    assert torch.equal(found, corners[:, None].expand(-1, 5, -1))


def test_what_is_found_is_judged_by_the_target():
    given = models.given(CLASSES, linear.PX, 4)
    latents = linear.corners(CLASSES)[:, None].repeat(1, 2, 1)
    latents[0, 1] = linear.corners([1])  # class 3 has the image of class 1 once
    latents[1] = linear.corners([4])  # class 0 never has its own
    found = reconstructed(given, RECIPE, linear.goal(), latents)
    probabilities = linear.target(linear.generate(latents.flatten(0, 1)))[1].softmax(1)
    own = [probabilities[row, CLASSES[row // 2]] for row in range(10)]
    torch.testing.assert_close(found.scores, torch.stack(own).view(5, 2))
    winners = probabilities.argmax(1).view(5, 2) == torch.tensor(CLASSES)[:, None]
    assert found.found.tolist() == winners.any(1).tolist()
    assert found.found[0]
    assert not found.found[1]
    assert found.classes.tolist() == CLASSES
    assert found.queries.tolist() == [0] * 5
    assert torch.equal(found.latents, latents)


def test_a_restart_has_starts_of_its_own():
    (own, next_own), (same, next_same) = (
        [starts([batch], seeding, linear.Z, 7) for batch in identity_batches([3, 0], 2, 2)]
        for seeding in ("own", "same")
    )
    assert not torch.equal(own, next_own)
    assert not torch.equal(same, next_same)
    assert not torch.equal(starts(identity_batches([3, 0], 2, 1), "own", linear.Z, 8), own)


def test_every_batch_starts_alike_or_every_class_from_its_own():
    first, second, last = identity_batches(CLASSES, 2, 1)
    same = [starts([batch], "same", linear.Z, 7) for batch in (first, second, last)]
    assert torch.equal(same[0], same[1])
    assert torch.equal(same[2], same[0][:1])
    own = [starts([batch], "own", linear.Z, 7) for batch in (first, second)]
    assert len(torch.unique(torch.cat(own), dim=0)) == 4
    swapped = starts(identity_batches([0, 3], 2, 1), "own", linear.Z, 7)
    assert torch.equal(swapped.flip(0), own[0])
    many = starts(identity_batches(range(500), 500, 1), "own", linear.Z, 7)
    assert many.mean().abs() < 0.06
    assert many.std().item() == pytest.approx(1, abs=0.04)


@pytest.mark.parametrize("seeding", ["own", "same"])
@pytest.mark.parametrize("noisy", [False, True])
def test_chunks_of_whole_batches_change_no_byte_if_stacks_are_equal(seeding, noisy):
    recipe = GmiRecoveryRecipe(steps=4, batch_size=2, restarts=3, lr=0.002, seeding=seeding)
    goal = _noisy_goal() if noisy else linear.goal("cross_entropy", DOUBT)
    whole = _recover(recipe, device_batch=2, goal=goal)
    for chunk in ([3, 0], [4, 1, 2], [2]):
        alone = _recover(recipe, chunk, 2, goal=goal)
        places = [CLASSES.index(label) for label in chunk]
        assert torch.equal(alone, whole[places])


def _noisy_goal():
    target = TappedTarget(linear.noisy_classifier())
    prior = Prior(linear.LinearGenerator(), linear.PX)
    goal = linear.goal("cross_entropy", DOUBT)
    return type(goal)(prior.generate, goal.doubt, target, goal.loss)


@pytest.mark.parametrize("noisy", [False, True])
def test_device_batch_changes_rounding_alone(noisy):
    goal = _noisy_goal() if noisy else None
    one, some, all_ = (_recover(device_batch=size, goal=goal) for size in (1, 5, 100))
    torch.testing.assert_close(one, all_, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(some, all_, rtol=1e-4, atol=1e-5)


def test_the_batch_size_is_a_part_of_the_result():
    """Each latent moves by the gradient of a mean over its batch."""
    goal = linear.goal()
    steps = [
        _recover(
            GmiRecoveryRecipe(steps=1, batch_size=size, restarts=1, lr=1e-5), CLASSES[:4], goal=goal
        )
        - starts(identity_batches(CLASSES[:4], 4, 1), "own", linear.Z, 7).unsqueeze(1)
        for size in (4, 2)
    ]
    inside = (steps[0].abs() < 1e-2) & (steps[1].abs() < 1e-2)  # the others were clamped
    assert inside.sum() > 10
    torch.testing.assert_close(2 * steps[0][inside], steps[1][inside], rtol=1e-2, atol=1e-6)


@pytest.mark.parametrize("ticks", [1, 3, 5])
def test_interrupted_runs_end_in_the_same_bytes(tmp_path, ticks):
    goal = _noisy_goal()
    whole = _recover(device_batch=5, goal=goal)
    pieces, runs = models.in_pieces(
        tmp_path / "state",
        lambda state: _recover(device_batch=5, checkpoint=state, goal=goal),
        ticks,
    )
    assert runs == 4 * 4 // ticks + 1  # four stacks of four steps
    assert torch.equal(pieces, whole)


def test_each_pass_has_noise_of_its_own(monkeypatch):
    seen = []
    goal = _noisy_goal()
    target = goal.target

    class Watched:
        noise_width = target.noise_width

        def __call__(self, images, *noise):
            seen.append(noise[0])
            return target(images, *noise)

    goal = type(goal)(goal.generate, goal.doubt, Watched(), goal.loss)
    _recover(GmiRecoveryRecipe(steps=3, batch_size=2, restarts=1), CLASSES[:2], goal=goal)
    rows = torch.cat(seen)
    assert rows.shape == (3 * 2, 8)
    assert len(torch.unique(rows, dim=0)) == len(rows)


def test_latents_that_are_not_finite_end_the_job():
    goal = linear.goal(doubt=lambda images, _: images.sum((1, 2, 3)) * torch.inf)
    with pytest.raises(MirageError, match=r"recovered latents are finite numbers: class 3"):
        _recover(goal=goal)


def test_the_stage_runs_on_what_it_is_given(monkeypatch):
    held = {
        "prior": Prior(linear.LinearGenerator(), linear.PX), "classifier": linear.classifier(),
        "critic": lambda images: images.sum((1, 2, 3)),
        "public": torch.zeros(3, 1, linear.PX, linear.PX, dtype=torch.uint8),
        "students": [linear.classifier(1)],
    }  # fmt: skip
    given = models.given(CLASSES, linear.PX, 4)
    for name, value in held.items():
        monkeypatch.setattr(type(given), name, lambda _, value=value: value)
    settings = {"steps": 60, "batch_size": 2, "loss": "identity", "students": "two"}
    object.__setattr__(given, "settings", settings | {"identity_weight": 1e6, "lr": 1e-4})
    found = KINDS["gmi"].run["recover"](given)
    assert torch.equal(found.latents[:, 0], linear.corners(CLASSES, (0, 1)))
    assert found.latents.shape == (5, 5, linear.Z)


def test_a_stage_declares_what_its_settings_ask_for():
    (stage,) = KINDS["gmi"].stages
    always = ["weights", "generator", "discriminator"]
    assert stage.inputs({}) == always
    lomma = {"feature_weight": 1.0, "students": "three"}
    assert stage.inputs(lomma) == [*always, "public", "students"]
    assert stage.classes_together({"batch_size": 100}) == 100
    assert KINDS["gmi"].images_per_class({"gmi": {}}) == 5
    assert GmiRecoveryRecipe.of({}) == GmiRecoveryRecipe(
        2400, 60, "cross_entropy", 100.0, 0.0, None, "fp32", 0.02
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"lr": 0}, "lr"), ({"momentum": 1}, "momentum"), ({"restarts": 0}, "restarts"),
     ({"seeding": "batch"}, "seeding")],
)  # fmt: skip
def test_impossible_settings_are_named(settings, message):
    with pytest.raises(MirageError, match=message):
        GmiRecoveryRecipe.of(settings)
