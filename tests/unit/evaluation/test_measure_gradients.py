"""Gradients along an attack: against a plain loop, finite differences and closed forms."""

import attack_models as models
import numpy as np
import pytest
import torch
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe
from mirage.attacks.losses import LOSSES
from mirage.attacks.objective import Objective, Stack, step_gradient
from mirage.attacks.transforms import draw_steps, plan_crops
from mirage.errors import MirageError
from mirage.evaluation.measures.gradients import summary, walk
from mirage.evaluation.measures.gradients.pairs import Pairs, draw_pairs
from mirage.imaging import Boxes, box_neighbours, crop_and_resize, draw_boxes, resize
from mirage.streams import generator
from torch.nn import functional as F

PX, CROP, CLASSES, SEED = 10, 12, 5, 3
RECIPE = OptimisationRecipe(steps=6, batch_size=4, crop_scale=(0.6, 0.9))
LOSS_NAMES = ["poincare", "cross_entropy"]


def _model(dtype=torch.float64, recipe=RECIPE, px=PX):
    return walk.WalkedModel(
        models.pipeline(CROP, dtype), models.classifier(dtype=dtype), px, recipe
    )


def _pairs(count=5, dtype=torch.float64):
    return draw_pairs(models.latents(7, dtype=dtype), count, CLASSES, SEED)


def _walk(model=None, pairs=None, losses=LOSS_NAMES, batch=5, checkpoint=None):
    checkpoint = checkpoint or models.no_checkpoint()
    return walk.walk(
        model or _model(), pairs or _pairs(), losses, SEED, batch, "cpu", checkpoint
    )  # fmt: skip


def _box(number, step):
    """Box of one step of one pair, drawn by itself."""
    stream = generator(SEED, "measures", "gradients", "crops", number)
    boxes = draw_boxes(RECIPE.steps, PX, RECIPE.crop_scale, RECIPE.crop_ratio, 0.0, stream)
    return Boxes(*(field[step : step + 1] for field in boxes))


def _plainly(number, loss):
    """One pair by itself: two resizes, PyTorch's Adam and cosine, no shared code but the images."""
    pipeline, classifier = (
        models.pipeline(CROP, torch.float64),
        models.classifier(dtype=torch.float64),
    )
    pairs = _pairs()
    w = pairs.latents[number : number + 1].clone().requires_grad_()
    target = pairs.targets[number : number + 1]
    adam = torch.optim.Adam([w], lr=0.005, betas=(0.1, 0.1))
    rows, last, last_image = [], {}, None
    for step in range(RECIPE.steps):
        view = pipeline.crop(pipeline.repeat(w))
        image = resize(view, PX)
        cut = crop_and_resize(image, box_neighbours(_box(number, step), PX))
        logits = classifier(cut)
        value = LOSSES[loss](logits, target)[0]
        places = {"image": image, "crop": cut, "generator": view}
        found = dict(
            zip(places, torch.autograd.grad(value, places.values(), retain_graph=True), strict=True)
        )
        plain = image.detach().requires_grad_()
        (found["uncropped"],) = torch.autograd.grad(
            LOSSES[loss](classifier(plain), target)[0], plain
        )
        row = {"loss": value.item(), "probability": logits.softmax(1)[0, target].item()}
        for place, gradient in found.items():
            row[f"largest.{place}"] = gradient.abs().max().item()
            if last:
                row[f"cosine.{place}"] = F.cosine_similarity(
                    gradient.flatten(), last[place].flatten(), dim=0
                ).item()
        if last:
            row["moved"] = (image - last_image).norm().item()
        last, last_image = found, image.detach()
        rows.append(row)
        adam.zero_grad()
        (value / RECIPE.batch_size).backward()
        adam.step()
    return rows


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_a_plain_loop_over_single_pairs_finds_the_same(loss):
    found = _walk()
    for number in (0, 4):
        for step, row in enumerate(_plainly(number, loss)):
            for name, value in row.items():
                ours = found[f"{loss}.{name}"][number, step].item()
                assert ours == pytest.approx(value, rel=1e-4, abs=1e-6), (step, name)
    first = [found[f"{loss}.{name}"][:, 0] for name in ("moved", "cosine.image")]
    assert all(values.isnan().all() for values in first)


def _look(loss, step=2, px=PX):
    model, pairs = _model(px=px), _pairs()
    w = pairs.latents.clone().requires_grad_()
    whole, crops, _ = walk._plan(model, 0, 5, SEED, "cpu", torch.float64)
    seen, gradient = walk.look(model, w, pairs.targets, LOSSES[loss], whole, crops, step)
    return model, pairs, w, crops, seen, gradient


@pytest.mark.parametrize("loss", LOSS_NAMES)
def test_gradients_are_finite_differences(loss):
    model, pairs, _, crops, seen, _ = _look(loss)
    stream = torch.Generator().manual_seed(1)
    towards = torch.randn(seen["at"].shape, generator=stream, dtype=torch.float64)
    small = 1e-5

    def at(image, cropped):
        shown = crops.cut(image, 2) if cropped else image
        return LOSSES[loss](model.classifier(shown), pairs.targets)

    for place, cropped in (("image", True), ("uncropped", False)):
        rise = at(seen["at"] + small * towards, cropped) - at(seen["at"] - small * towards, cropped)
        told = (seen[place] * towards).flatten(1).sum(1)
        torch.testing.assert_close(rise / (2 * small), told, rtol=1e-5, atol=1e-8)


def test_gradients_before_and_after_the_crop_obey_the_chain_rule():
    model, _, _, crops, seen, _ = _look("cross_entropy")
    image = torch.zeros_like(seen["at"]).requires_grad_()
    (back,) = torch.autograd.grad(crops.cut(image, 2), image, seen["crop"])
    torch.testing.assert_close(back, seen["image"])
    view = torch.zeros(5, 1, CROP, CROP, dtype=torch.float64).requires_grad_()
    (back,) = torch.autograd.grad(resize(view, PX), view, seen["image"])
    torch.testing.assert_close(back, seen["generator"])
    assert seen["generator"].shape[-1] == model.pipeline.crop_px != model.image_px


@pytest.mark.parametrize("px", [PX, CROP])
def test_the_step_is_the_attacks_own(px):
    model, pairs, w, _, seen, gradient = _look("poincare", px=px)
    streams = [generator(SEED, "measures", "gradients", "crops", n) for n in range(5)]
    boxes = draw_steps(streams, RECIPE.steps, px, RECIPE.crop_scale, RECIPE.crop_ratio, 0.0)
    stack = Stack(pairs.targets, [5], torch.ones(5, dtype=torch.float64),
                  plan_crops(boxes, px, CROP, "cpu", torch.float64))  # fmt: skip
    objective = Objective(model.pipeline, model.classifier, LOSSES["poincare"])
    theirs, losses = step_gradient(objective, stack, w, 2)
    torch.testing.assert_close(gradient, theirs)
    torch.testing.assert_close(seen["loss"], losses)


def _noisily(batch, checkpoint=None):
    """A walk on a classifier that draws noise, and the noise that its passes were given."""
    model = walk.WalkedModel(models.pipeline(CROP), models.Noisy(), PX, RECIPE)
    found = _walk(model, _pairs(dtype=torch.float32), ["poincare"], batch, checkpoint)
    return found, model.classifier.seen


def test_noise_is_named_by_pair_step_and_pass(tmp_path):
    whole, seen = _noisily(5)
    for number in range(5):
        stream = generator(SEED, "measures", "gradients", "noise", number)
        expected = torch.randn(RECIPE.steps, 2, 24, generator=stream)
        given = torch.stack([noise[number] for noise in seen]).view(RECIPE.steps, 2, 24)
        assert torch.equal(given, expected)
    for batch in (1, 3):
        drawn = torch.cat(_noisily(batch)[1]).flatten().sort().values
        assert torch.equal(drawn, torch.cat(seen).flatten().sort().values)
    resumed, runs = models.in_pieces(tmp_path / "state", lambda state: _noisily(5, state)[0], 2)
    assert runs > 1
    assert all(torch.equal(resumed[name].nan_to_num(), whole[name].nan_to_num()) for name in whole)


def test_pairs_are_named_and_uniform():
    w = models.latents(3000)
    many = draw_pairs(w, 3000, 3, SEED)
    few = draw_pairs(w, 40, 3, SEED)
    assert torch.equal(many.latents, w)
    assert torch.equal(many.targets[:40], few.targets)
    assert (many.targets.bincount(minlength=3) - 1000).abs().max() < 4 * (3000 * 2 / 9) ** 0.5
    assert not torch.equal(many.targets, draw_pairs(w, 3000, 3, SEED + 1).targets)
    with pytest.raises(MirageError, match="holds 3000 latents"):
        draw_pairs(w, 3001, 3, SEED)


def test_pairs_do_not_depend_on_those_beside_them():
    whole = _walk()
    for batch, pairs in ((2, None), (5, _pairs(3))):
        found = _walk(batch=batch, pairs=pairs)
        for name, values in found.items():
            assert values.dtype == torch.float32
            torch.testing.assert_close(
                values, whole[name][: len(values)], rtol=1e-5, atol=1e-7, equal_nan=True
            )


@pytest.mark.parametrize("ticks", [1, 4, 7])
def test_an_interrupted_walk_goes_on_to_the_same_bytes(tmp_path, ticks):
    model, pairs = _model(torch.float32), _pairs(dtype=torch.float32)
    whole = _walk(model, pairs, batch=3)
    found, runs = models.in_pieces(
        tmp_path / "state", lambda state: _walk(model, pairs, batch=3, checkpoint=state), ticks + 1
    )
    assert runs > 3
    assert list(found) == list(whole)
    for name in whole:
        assert torch.equal(found[name].nan_to_num(7), whole[name].nan_to_num(7)), name


class _Bursting(torch.autograd.Function):
    """The value itself; whatever gradient comes in leaves infinite, and none leaves none."""

    @staticmethod
    def forward(_, values):
        return values.clone()

    @staticmethod
    def backward(_, gradient):
        return torch.where(gradient == 0, gradient, torch.inf)


class _Partly(torch.nn.Module):
    """Gradients exactly zero for one class, infinite for another, sound for the rest."""

    def __init__(self, dead, broken):
        super().__init__()
        self.inner, self.dead, self.broken = models.classifier(), dead, broken

    def forward(self, images):
        logits = self.inner(images)
        columns = list(logits.unbind(1))
        columns[self.dead] = 0 * columns[self.dead]
        columns[self.broken] = _Bursting.apply(columns[self.broken])
        return torch.stack(columns, 1)


def test_zero_and_undefined_gradients_are_counted_never_averaged():
    model = _model(torch.float32)._replace(classifier=_Partly(0, 1))
    sound = _model(torch.float32)
    pairs = Pairs(models.latents(6), torch.tensor([0, 1, 2, 3, 0, 4]))
    found = summary.of_loss(_walk(model, pairs, ["identity"], 6), "identity")
    good = summary.of_loss(_walk(sound, pairs, ["identity"], 6), "identity")
    kept = [2, 3, 5]
    steps = summary.by_step(found, "image")
    assert steps["zero"].tolist() == [2] * RECIPE.steps
    assert steps["lost"].tolist() == [1] * RECIPE.steps
    assert steps["n"].tolist() == [0] + [3] * (RECIPE.steps - 1)
    np.testing.assert_allclose(
        steps["mean"][1:], good["cosine.image"][kept].mean(axis=0)[1:], rtol=1e-5
    )
    told = summary.overall(found, "image")
    assert (told["zero"], told["lost"]) == (2 * RECIPE.steps, RECIPE.steps)


def test_directions_survive_values_whose_squares_vanish():
    gradients = torch.tensor([[3e-30, 4e-30], [3e30, -4e30], [0, 0], [1, torch.inf]])
    largest, unit = walk.directions(gradients[:, None, None])
    assert largest.tolist() == pytest.approx([4e-30, 4e30, 0, torch.inf])
    torch.testing.assert_close(unit[:2, 0, 0], torch.tensor([[0.6, 0.8], [0.6, -0.8]]))
    assert unit[2:].isnan().all()


def test_summaries_by_hand():
    nan = np.nan
    arrays = {
        "cosine.image": np.array([[nan, 0.5, -0.5], [nan, 1.0, nan], [nan, 0.0, 0.25]]),
        "largest.image": np.array([[1, 1, 1], [1, 1, 0], [1, nan, 1.0]]),
        "probability": np.array([[0.1, 0.2, 0.3], [0.5, 0.995, 0.999], [0.995, 0.5, 0.5]]),
        "loss": np.array([[3.0, 2, 1], [3, 2, 1], [nan, 2, 4]]),
        "moved": np.array([[nan, 1.0, 3], [nan, 1, 1], [nan, 1, 2]]),
    }
    steps = summary.by_step(arrays, "image")
    np.testing.assert_allclose(steps["mean"], [nan, 0.5, -0.125])
    np.testing.assert_allclose(steps["std"], [nan, 0.5, np.std([-0.5, 0.25], ddof=1)])
    np.testing.assert_allclose(steps["not_positive"], [nan, 1 / 3, 0.5])
    assert steps["n"].tolist() == [0, 3, 2]
    assert steps["zero"].tolist() == [0, 0, 1]
    assert steps["lost"].tolist() == [0, 1, 0]
    # Pair 1 has arrived at step 1, pair 2 came from there.
    np.testing.assert_allclose(steps["unsure"], [nan, 0.5, -0.125])
    assert steps["unsure_n"].tolist() == [0, 1, 2]
    np.testing.assert_allclose(steps["loss"], [3, 2, 2])
    np.testing.assert_allclose(steps["moved"], [nan, 1, 2])
    told = summary.overall(arrays, "image")
    assert told["cosine"] == told["cosine_last"] == pytest.approx(0.1875)
    assert told["not_positive"] == pytest.approx((1 / 3 + 1 / 2) / 2)
    empty = {name: np.full((2, 2), nan) for name in arrays}
    assert summary.overall(empty, "image")["cosine"] is None
