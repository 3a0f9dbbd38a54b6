"""BREP-MI against a walk of one class in plain Python, printed cases and known boundaries."""

import dataclasses
import logging

import attack_models as models
import pytest
import torch
from mirage.attacks.given import Given
from mirage.attacks.kinds import KINDS
from mirage.attacks.kinds.brep.asking import Asker
from mirage.attacks.kinds.brep.labels import HardLabels
from mirage.attacks.kinds.brep.recipe import BrepRecipe
from mirage.attacks.kinds.brep.recover import recover_latents
from mirage.attacks.kinds.brep.repulsion import Walks, advance
from mirage.attacks.kinds.brep.starts import Starts, search
from mirage.errors import MirageError
from mirage.streams import generator

KIND = KINDS["brep"]
DIM, CLASSES = 10, [2, 0, 3]
RECIPE = BrepRecipe(start_batch=8, patience=15)
PROTOTYPES = torch.randn(5, DIM, generator=torch.Generator().manual_seed(3))
SEED = 7  # of models.given


class Linear:
    """A target that answers with labels; whoever looks at anything else of it fails the test."""

    def __init__(self, scale=1.0):
        self.scale, self.asked = scale, []

    def __call__(self, images, names):
        self.asked.append((len(images), list(names)))
        return (images.flatten(1).double() @ PROTOTYPES.double().T).argmax(1)

    def __getattr__(self, name):
        raise AssertionError(f"the attack looked at {name!r} of its target")


def _generate(z, classes):
    return z[:, None, None]


def _recover(recipe=RECIPE, classes=CLASSES, batch=1000, checkpoint=None, labels_of=None):
    given = models.given(classes, 1, batch, checkpoint=checkpoint)
    return recover_latents(given, recipe, _generate, DIM, labels_of or Linear())


def _first_starts(classes, recipe):
    """The first latent of the common sequence in each class, and its place."""
    found = {}
    for batch in range(recipe.start_batches):
        stream = generator(SEED, "attacks", "brep", "start", batch)
        for place, z in enumerate(torch.randn(recipe.start_batch, DIM, generator=stream)):
            z = z.clamp(-recipe.clamp, recipe.clamp)
            label = int((PROTOTYPES @ z).argmax())
            found.setdefault(label, (z, batch * recipe.start_batch + place + 1))
        if set(classes) <= set(found):
            return found
    return found


def _alone(label, recipe):
    """One class, as the published text says: (best, last, radius, passes, growths)."""

    def seen(z):
        return int((PROTOTYPES.double() @ z.double()).argmax()) == label

    z, queries = _first_starts([label], recipe)[label]
    radius, k, k0, passes, growths, best = 2.0, 0, 0, 0, 0, None
    while k - k0 < recipe.patience:
        step = min(radius / 3, 3)
        stream = generator(SEED, "attacks", "brep", "sphere", label, passes)
        u = torch.randn(32, DIM, generator=stream)
        u = u / u.norm(dim=1, keepdim=True)
        signs = [1 if seen(z + radius * row) else -1 for row in u]
        passes, queries = passes + 1, queries + 33
        g = sum((-row.double() for row, s in zip(u, signs, strict=True) if s < 0), torch.zeros(DIM))
        g = g / 32
        expanded = sum(signs) > 24
        if expanded:
            radius, k0, g = 1.3 * radius, k, g / 1.3
        moved = (z.double() + step * g).clamp(-1.5, 1.5).float()
        if not seen(moved):
            continue
        z = moved
        if expanded:
            best, growths = z, growths + 1
        else:
            k += 1
    return best, z, radius, queries, growths


def test_all_classes_at_once_are_the_published_walk_of_each():
    found = _recover()
    assert found.classes.tolist() == CLASSES
    for row, label in enumerate(CLASSES):
        best, _, _, queries, growths = _alone(label, RECIPE)
        assert growths > 0
        torch.testing.assert_close(found.latents[row, 0], best, rtol=0, atol=1e-6)
        assert found.queries[row] == queries
    assert found.found.all()


def _margin(z, label):
    """Distance of a latent to the boundary of its class."""
    ways = PROTOTYPES[label] - PROTOTYPES[[k for k in range(5) if k != label]]
    return float(((ways @ z) / ways.norm(dim=1)).min())


def test_it_walks_away_from_a_known_boundary():
    recipe = BrepRecipe(start_batch=8, patience=60, clamp=50.0, pass_limit=400)
    starts = _first_starts(CLASSES, recipe)
    found = _recover(recipe)
    for label, (z,) in zip(CLASSES, found.latents, strict=True):
        assert _margin(z, label) > 5 * _margin(starts[label][0], label) > 0


def test_it_stays_within_the_clamp_and_ends_there():
    found = _recover()
    assert found.latents.abs().max() == 1.5
    assert (found.queries < 3000).all()


class Scripted:
    """Says that the first ``inside`` points of a sphere are of the class; then yes or no."""

    def __init__(self, inside, accepts=True, label=4):
        self.inside, self.accepts, self.label, self.shown = inside, accepts, label, []

    def __call__(self, images, names):
        self.shown.append(images.flatten(1))
        if names[0][0] == "step":
            return torch.full((len(images),), self.label if self.accepts else 0)
        return torch.where(torch.arange(len(images)) % 32 < self.inside, self.label, 0)


def _pass(inside, accepts=True, radius=2.0, z=None, **settings):
    """One pass from a latent near 0: target, walk before, walk after."""
    recipe = BrepRecipe(radius=radius, **settings)
    target = Scripted(inside, accepts)
    z = torch.linspace(-0.1, 0.1, DIM)[None] if z is None else z
    starts = Starts(torch.tensor([4]), z, torch.ones(1) > 0, torch.ones(1).long())
    walks = Walks.begin(starts, recipe)
    walks.steps = torch.tensor([7])
    before = dataclasses.replace(walks)
    ask = Asker(_generate, target, "cpu", 1000)
    advance(walks, torch.tensor([0]), torch.tensor([4]), ask, recipe, SEED)
    return target, before, walks


def _pushed(target, before, inside, radius):
    """(1 / 32) times the sum of minus the directions of the points outside."""
    directions = (target.shown[0] - before.z) / radius
    return -directions[inside:].sum(0) / 32


@pytest.mark.parametrize(("inside", "grows"), [(28, False), (29, True), (32, True), (0, False)])
def test_sphere_grows_at_29_of_32_and_not_at_28(inside, grows):
    target, before, walks = _pass(inside)
    assert walks.radius.item() == (1.3 * 2 if grows else 2)
    assert walks.steps.item() == (0 if grows else 8)
    assert walks.grown.item() == int(grows)
    assert walks.inside.item() == inside / 32
    push = _pushed(target, before, inside, 2.0) / (1.3 if grows else 1)
    torch.testing.assert_close(walks.z[0], before.z[0] + 2 / 3 * push, rtol=0, atol=1e-6)
    assert torch.equal(walks.best, walks.z if grows else before.best)


def test_no_step_when_all_are_inside():
    _, before, walks = _pass(32)
    assert torch.equal(walks.z, before.z)
    assert walks.grown.item() == 1


@pytest.mark.parametrize(("radius", "step"), [(2.0, 2 / 3), (9.0, 3.0), (12.0, 3.0)])
def test_step_is_a_third_of_the_radius_and_3_at_most(radius, step):
    target, before, walks = _pass(16, radius=radius, clamp=99.0)
    push = _pushed(target, before, 16, radius)
    torch.testing.assert_close(walks.z[0] - before.z[0], step * push, rtol=1e-5, atol=1e-6)


def test_points_lie_on_the_sphere_unclamped_and_the_step_is_clamped():
    target, before, walks = _pass(0, radius=40.0, clamp=0.2)
    apart = (target.shown[0] - before.z).norm(dim=1)
    torch.testing.assert_close(apart, torch.full((32,), 40.0))
    assert walks.z.abs().max() <= 0.2
    assert torch.equal(target.shown[1], walks.z)


@pytest.mark.parametrize(("inside", "steps"), [(16, 7), (30, 0)])
def test_refused_step_is_taken_back_and_counts_nothing_but_the_sphere_stays(inside, steps):
    _, before, walks = _pass(inside, accepts=False)
    assert torch.equal(walks.z, before.z)
    assert torch.equal(walks.best, before.best)
    assert walks.grown.item() == 0
    assert walks.steps.item() == steps
    assert walks.passes.item() == 1
    assert walks.radius.item() == (2.6 if inside == 30 else 2.0)


def test_sphere_that_never_grew_is_a_failure(caplog):
    class Thin(Linear):
        def __call__(self, images, names):
            answers = super().__call__(images, names)
            return torch.where(
                torch.tensor(
                    [n[0] == "sphere" for n in names for _ in range(len(images) // len(names))]
                ),
                1,
                answers,
            )

    caplog.set_level(logging.INFO)
    found = _recover(labels_of=Thin())
    assert not found.found.any()
    assert (found.scores == 0).all()
    assert "classes never filled a sphere, failed: 2, 0, 3" in caplog.text


def test_class_that_is_never_seen_is_a_failure_and_told(caplog):
    recipe = BrepRecipe(start_batch=8, start_batches=6, patience=15)
    caplog.set_level(logging.INFO)
    found = _recover(recipe, [2, 11, 0])
    assert found.found.tolist() == [True, False, True]
    assert "classes seen in none of 48 latents, failed: 11" in caplog.text
    assert found.queries[1] == 48
    assert (found.latents[1] == 0).all()
    assert found.scores[1] == 0


def test_search_finds_the_first_of_the_sequence_and_counts_as_if_alone():
    starts = Starts.none(CLASSES, DIM)
    ask = Asker(_generate, Linear(), "cpu", 3)
    search(starts, ask, RECIPE, SEED, models.no_checkpoint())
    first = _first_starts(CLASSES, RECIPE)
    for row, label in enumerate(CLASSES):
        assert torch.equal(starts.z[row], first[label][0])
        assert starts.queries[row] == first[label][1]


def test_what_no_step_leads_out_of_is_stopped_at_the_limit(caplog):
    recipe = BrepRecipe(start_batch=8, patience=5, pass_limit=40)
    everywhere = lambda images, names: torch.full((len(images),), 2)  # noqa: E731
    caplog.set_level(logging.INFO)
    found = _recover(recipe, [2], labels_of=everywhere)
    assert found.found.all()
    assert found.queries.item() == 1 + 40 * 33
    assert "classes stopped after 40 spheres (pass_limit): 2" in caplog.text


def _same(a, b):
    return all(
        torch.equal(getattr(a, f.name), getattr(b, f.name))
        for f in dataclasses.fields(a)
        if f.name != "failed"
    )


def test_a_class_does_not_depend_on_the_others_or_on_the_device_batch():
    whole = _recover()
    assert _same(whole, _recover(batch=1))
    assert _same(whole, _recover(batch=70))
    for row, label in enumerate(CLASSES):
        alone = _recover(classes=[label])
        assert torch.equal(alone.latents[0], whole.latents[row])
        assert alone.queries[0] == whole.queries[row]
        assert alone.scores[0] == whole.scores[row]


def test_classes_that_are_done_are_asked_about_no_more():
    target = Linear()
    found = _recover(labels_of=target)
    spheres = [len(names) for size, names in target.asked if names[0][0] == "sphere"]
    assert spheres[0] == 3
    assert spheres[-1] == 1
    assert spheres == sorted(spheres, reverse=True)
    assert sum(size for size, names in target.asked if names[0][0] != "start") == (
        found.queries.sum() - sum(_first_starts(CLASSES, RECIPE)[k][1] for k in CLASSES)
    )


@pytest.mark.parametrize("ticks", [1, 7])
def test_interrupted_runs_end_in_the_same_bytes(tmp_path, ticks):
    recipe = dataclasses.replace(RECIPE, start_batch=2)
    pieces, runs = models.in_pieces(
        tmp_path / "state", lambda state: _recover(recipe, checkpoint=state), ticks
    )
    assert runs > 5
    assert _same(pieces, _recover(recipe))


class _Prior:
    z_dim = 6

    def at(self, precision):
        return self

    def generate(self, z, labels):
        return z.repeat(1, 24).view(-1, 1, 12, 12)


def _run(monkeypatch, model, classes=(1, 2), batch=64, **settings):
    monkeypatch.setattr(Given, "classifier", lambda _: model)
    monkeypatch.setattr(Given, "prior", lambda _: _Prior())
    told = {"start_batch": 16, "start_batches": 40, "patience": 4} | settings
    given = dataclasses.replace(models.given(list(classes), 12, batch), settings=told)
    return KIND.run["recover"](given)


def test_a_noisy_target_gets_noise_of_its_own_at_every_question(monkeypatch):
    model = models.Noisy()
    whole = _run(monkeypatch, model, pass_limit=60)
    seen = torch.cat([part.flatten(0, -2) for part in model.seen])
    assert len(seen.unique(dim=0)) == len(seen) > 200
    for row, label in enumerate((1, 2)):
        alone = _run(monkeypatch, models.Noisy(), [label], pass_limit=60)
        assert torch.equal(alone.latents[0], whole.latents[row])
        assert alone.queries[0] == whole.queries[row]
    again = _run(monkeypatch, models.Noisy(), batch=1, pass_limit=60)
    assert torch.equal(again.latents, whole.latents)


def test_image_without_finite_logits_is_of_no_class():
    def classifier(images):
        return torch.tensor([[0.0, 1.0], [torch.nan, 1.0], [torch.inf, 0.0]])

    labels = HardLabels(classifier, 4, 1)(torch.zeros(3, 1, 4, 4), [("start", 0)])
    assert labels.tolist() == [1, -1, -1]


@pytest.mark.parametrize(
    ("setting", "value"),
    [("growth", 1.0), ("threshold", 1.0), ("points", 0), ("clamp", 0.0), ("patience", 0)],
)
def test_impossible_settings_are_refused(setting, value):
    with pytest.raises(MirageError, match=setting):
        BrepRecipe(**{setting: value})


def test_a_limit_below_the_patience_does_not_fit():
    misfits = KIND.checks["misfits"]
    assert list(misfits({"brep": {}}, {}, {})) == []
    (problem,) = misfits({"brep": {"patience": 9, "pass_limit": 8}}, {}, {})
    assert problem.startswith("brep.pass_limit")
    assert KIND.images_per_class({"brep": {}}) == 1
