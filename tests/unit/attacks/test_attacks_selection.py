"""Stage 3 against a naive loop."""

import attack_models as models
import pytest
import torch
from mirage.attacks.kinds.ppa.recipe import SelectionRecipe
from mirage.attacks.kinds.ppa.select import select_latents
from mirage.errors import MirageError
from mirage.imaging import draw_boxes
from mirage.streams import generator
from torch.utils._python_dispatch import TorchDispatchMode
from torchvision.transforms.functional import resized_crop

PX = 10
RECIPE = SelectionRecipe(n_selected=3, iterations=6)
CLASSES = [4, 1, 2]


def _select(
    recipe=RECIPE, classes=CLASSES, latents=None, model=None, batch_size=7, checkpoint=None, seed=5
):
    latents = models.latents(len(classes), 5) if latents is None else latents
    given = models.given(classes, PX, batch_size, seed, checkpoint=checkpoint)
    model = model or models.classifier(channels=3)
    return select_latents(given, recipe, models.pipeline(channels=3), model, latents)


def _naive(latents, target, recipe, model):
    """One transform of the whole class at a time, as the official code."""
    pipeline = models.pipeline(channels=3)
    images = pipeline.images(latents, PX)
    stream = generator(5, "attacks", "selection", target)
    boxes = draw_boxes(recipe.iterations, PX, (0.5, 0.9), (0.8, 1.2), 0.5, stream)
    total = torch.zeros(len(latents))
    for top, left, height, width, flip in zip(*(field.tolist() for field in boxes), strict=True):
        shown = resized_crop(images, top, left, height, width, [PX, PX], antialias=True)
        shown = shown.flip(3) if flip else shown
        total += model(shown).softmax(1)[:, target]
    return total / recipe.iterations


def test_ranking_is_the_official_one():
    latents, model = models.latents(3, 5), models.classifier(channels=3)
    ours = _select(latents=latents, model=model)
    for row, label in enumerate(CLASSES):
        best = _naive(latents[row], label, RECIPE, model).topk(3)
        assert torch.equal(ours.indices[row], best.indices)
        torch.testing.assert_close(ours.scores[row], best.values, rtol=1e-4, atol=1e-5)
        assert torch.equal(ours.latents[row], latents[row][best.indices])


def test_nothing_is_rated_where_nothing_is_selected():
    def never(_):
        raise AssertionError("an image was rated")

    recipe = SelectionRecipe(n_selected=5, iterations=0)
    latents = models.latents(3, 5)
    kept = _select(recipe, latents=latents, model=never)
    assert torch.equal(kept.latents, latents)
    assert torch.equal(kept.indices, torch.arange(5).expand(3, 5))
    latents[1, 2] = torch.nan
    with pytest.raises(MirageError, match=r"class 1 \(4 of 5\)"):
        _select(recipe, latents=latents, model=never)


@pytest.mark.parametrize("crop", ["shared", "per_image"])
def test_split_into_jobs_changes_no_byte(crop):
    recipe = SelectionRecipe(n_selected=3, iterations=6, crop=crop)
    latents = models.latents(3, 5)
    whole = _select(recipe, latents=latents)
    for place, label in enumerate(CLASSES):
        alone = _select(recipe, [label], latents[place : place + 1])
        assert torch.equal(alone.scores[0], whole.scores[place])
        assert torch.equal(alone.indices[0], whole.indices[place])


def test_batch_size_changes_rounding_alone():
    a, b = _select(batch_size=1), _select(batch_size=1000)
    torch.testing.assert_close(a.scores, b.scores)
    assert torch.equal(a.indices, b.indices)


class Recorder(torch.nn.Module):
    """Keeps what it is shown; its opinion differs with ``sign``."""

    def __init__(self, sign):
        super().__init__()
        self.sign, self.shown = sign, []

    def forward(self, images):
        self.shown.append(images)
        return self.sign * images.mean((2, 3))


def test_every_ranking_model_sees_the_same_images():
    one, other = Recorder(1.0), Recorder(-1.0)
    first, second = _select(classes=[0, 2], model=one), _select(classes=[0, 2], model=other)
    assert torch.equal(torch.cat(one.shown), torch.cat(other.shown))
    assert not torch.equal(first.indices, second.indices)


def test_per_image_transforms_differ_within_an_iteration():
    latents = models.latents(1, 1).expand(1, 5, 6)  # five times the same image
    spread = {}
    for crop in ("shared", "per_image"):
        recipe = SelectionRecipe(n_selected=5, iterations=6, crop=crop)
        spread[crop] = _select(recipe, [1], latents).scores.std().item()
    assert spread["shared"] < 1e-6 < 1e-5 < spread["per_image"]


class _Largest(TorchDispatchMode):
    """Most bytes that any result has."""

    size = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        if isinstance(result, torch.Tensor):
            self.size = max(self.size, result.untyped_storage().nbytes())
        return result


def test_memory_does_not_grow_with_the_boxes_of_a_class():
    sizes = []
    for iterations in (4, 40):
        recipe = SelectionRecipe(n_selected=3, iterations=iterations, crop="per_image")
        with _Largest() as largest:
            _select(recipe, [1], models.latents(1, 5), batch_size=5)
        sizes.append(largest.size)
    assert sizes[0] == sizes[1]


def test_equal_scores_keep_their_order():
    assert _select(classes=[1], model=Recorder(0.0)).indices.tolist() == [[0, 1, 2]]


def test_another_seed_draws_other_transforms():
    assert not torch.equal(_select().scores, _select(seed=6).scores)


@pytest.mark.parametrize("ticks", [1, 2, 5])
def test_interrupted_runs_end_in_the_same_bytes(tmp_path, ticks):
    """A stop after any pass, in the middle of a class too: 5 passes a class, 3 classes."""
    whole = _select()
    pieces, runs = models.in_pieces(
        tmp_path / "state", lambda state: _select(checkpoint=state), ticks
    )
    assert runs == 1 + 15 // ticks
    assert torch.equal(pieces.scores, whole.scores)
    assert torch.equal(pieces.latents, whole.latents)


class Shy(torch.nn.Module):
    """Gives no number for bright images, and counts what it is shown."""

    def __init__(self, limit):
        super().__init__()
        self.limit, self.bad, self.shown = limit, float("nan"), 0

    def forward(self, images):
        self.shown += len(images)
        means = images.mean((2, 3))
        return torch.where(means[:, :1] > self.limit, self.bad, means @ torch.ones(3, 5))


def test_results_that_are_no_numbers_are_left_out_and_counted(caplog):
    latents, recipe = models.latents(2, 5), SelectionRecipe(n_selected=3, iterations=2)
    usual = _select(recipe, [1, 2], latents)
    assert usual.failed == 0
    worst = usual.indices[0, 0].item()
    latents[0, worst] = float("nan")  # the best one, were it a number
    chosen = _select(recipe, [1, 2], latents)
    assert worst not in chosen.indices[0].tolist()
    assert chosen.failed == 1
    assert chosen.scores.isfinite().all()
    assert torch.equal(chosen.indices[1], usual.indices[1])
    assert "1 of 10 robust confidences of results are not finite numbers" in caplog.text


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_a_class_with_too_few_finite_latents_is_named_before_any_work(bad):
    latents = models.latents(3, 5)
    latents[1, [0, 2, 4], 3] = bad
    model = Shy(99.0)
    with pytest.raises(MirageError, match=r"class 1 \(2 of 5\)\. Expected: 3 a class"):
        _select(latents=latents, model=model)
    assert model.shown == 0


def test_a_class_with_too_few_finite_scores_is_named_once_it_is_rated():
    latents = models.latents(3, 5)
    images = models.pipeline(channels=3).images(latents[0], PX)
    model = Shy(images.mean((2, 3))[:, 0].amin().item() - 1)
    with pytest.raises(MirageError, match=r"class 4 \(0 of 5\)"):
        _select(latents=latents, model=model)
    assert model.shown == 5 * RECIPE.iterations  # the other classes were not waited for


def test_more_than_there_are_is_refused():
    with pytest.raises(MirageError, match=r"class 4 \(5 of 5\).* Expected: 6 a class"):
        _select(SelectionRecipe(n_selected=6, iterations=1))


@pytest.mark.parametrize(
    "settings", [{"iterations": -1}, {"flip": 1.5}, {"n_selected": 0}, {"crop_ratio": [0, 1]}]
)
def test_impossible_settings_are_named(settings):
    with pytest.raises(MirageError, match=next(iter(settings))):
        SelectionRecipe.of(settings)
