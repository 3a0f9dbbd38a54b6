"""Stage 3: of each class's results, those the target recognises most robustly."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mirage import finite
from mirage.attacks import ties
from mirage.attacks.given import Given
from mirage.attacks.kinds.ppa.recipe import SelectionRecipe
from mirage.attacks.results import Optimised, Selected
from mirage.attacks.transforms import draw_steps, plan_crops, spread
from mirage.imaging import Boxes
from mirage.numerics import at_precision, numerics
from mirage.priors.pipeline import ImagePipeline
from mirage.runtime.checkpoint import State
from mirage.runtime.progress import Progress
from mirage.streams import generator
from mirage.targets.noise import drawn, rows_of

_SCORES = "robust confidences of results"


def run(given: Given) -> Selected:
    """Run the stage."""
    recipe, latents = SelectionRecipe.of(given.settings), given.before(Optimised).latents
    return select_latents(given, recipe, given.pipeline(), given.classifier(), latents)


@torch.no_grad()
def select_latents(
    given: Given,
    recipe: SelectionRecipe,
    pipeline: ImagePipeline,
    classifier: Callable[..., Tensor],
    latents: Tensor,
) -> Selected:
    """Rank each class's results by robust confidence and keep the best.

    Every image is synthesised once, without clipping. The transforms depend on seed and class
    alone, so every ranking model sees the same ones (paper, Table 7), and device batches never
    straddle classes, so neither does a result depend on the split into jobs. With no iterations
    nothing is rated, and every result stays in its place.

    Args:
        given: classes, image size, seed, device, batch and state.
        recipe: the stage's settings.
        pipeline: prior and centre crop, on the device.
        classifier: ranking model, on the device, frozen and in eval mode.
        latents: results of stage 2, single w, [K, n, w_dim], a row for each class.

    Raises:
        MirageError: fewer finite results of a class than shall be kept: of latents before
            anything is rendered, of scores once the class is rated.

    Source: paper B.4, stage 3; official code. Deviation: the stage draws from a stream of
    its own, where the official code goes on with the one stage 2 has used (quirk
    continued-stream).
    """
    classes, checkpoint = given.classes, given.checkpoint
    finite.require_enough(
        finite.rows_finite(latents), recipe.n_selected, classes, "optimised latents"
    )
    if recipe.iterations == 0:
        unrated = torch.zeros(latents.shape[:2])
        unrated[~finite.rows_finite(latents).cpu()] = torch.nan
        return _best(latents, unrated, recipe, classes)
    state = checkpoint.load()
    rated = [] if state is None else list(state["ratings"])
    passes = [] if state is None else list(state["scores"].to(given.device).split(given.batch))

    def so_far() -> State:
        ratings = torch.stack(rated) if rated else latents.new_zeros(0, latents.shape[1])
        return {"ratings": ratings, "scores": torch.cat(passes)}

    pipeline = pipeline.at(recipe.precision)
    classifier = at_precision(classifier, recipe.precision)
    count = latents.shape[1]
    total = recipe.iterations * count
    progress = Progress("selection", len(classes), len(rated))
    with numerics(recipe.precision, given.device), progress:
        for results, target in list(zip(latents, classes, strict=True))[len(rated) :]:
            parts = results.to(given.device).split(given.batch)
            images = torch.cat([pipeline.images(part, given.image_px) for part in parts])
            boxes = _draw(given, recipe, target, count)
            stream = generator(given.seed, "attacks", "selection", target, "noise")
            noise = drawn(classifier, stream, recipe.iterations, count)
            for first in range(sum(map(len, passes)), total, given.batch):
                pairs = torch.arange(first, min(first + given.batch, total))
                iteration, place = pairs // count, pairs % count
                # A pass plans its own crops: those of a whole class would fill gigabytes.
                these = Boxes(*(field[iteration, place][None] for field in boxes))
                crops = plan_crops(
                    these, given.image_px, given.image_px, given.device, images.dtype
                )
                cut = crops.cut(images[place.to(given.device)], 0)
                logits = classifier(cut, *rows_of(noise, (iteration, place), given.device))
                passes.append(logits.softmax(dim=1)[:, target])
                checkpoint.tick(so_far)
            scores = torch.cat(passes).reshape(recipe.iterations, count)
            rated.append(scores.mean(dim=0).cpu())
            passes.clear()
            usable = rated[-1].isfinite()[None]
            finite.require_enough(usable, recipe.n_selected, [target], _SCORES)
            progress.advance()
    return _best(latents, torch.stack(rated), recipe, classes)


def _best(
    latents: Tensor, ratings: Tensor, recipe: SelectionRecipe, classes: Sequence[int]
) -> Selected:
    """Keep the best rated of each class; of equal ratings the first, and ties are counted."""
    failed = int((~ratings.isfinite()).sum())
    finite.tell(failed, ratings.numel(), _SCORES)
    best, indices = finite.rank(ratings, recipe.n_selected, classes, _SCORES)
    kept = latents.cpu().take_along_dim(indices[:, :, None], dim=1)
    tied = ties.for_the_last_places(ratings, best)
    return Selected(torch.tensor(classes), kept, best, indices, failed, tied)


def _draw(given: Given, recipe: SelectionRecipe, target: int, count: int) -> Boxes:
    """Draw a class's transforms: fields [iterations, count]."""
    name = ("attacks", "selection", target)
    if recipe.crop == "shared":
        streams = [generator(given.seed, *name)]
    else:
        streams = [generator(given.seed, *name, "image", place) for place in range(count)]
    boxes = draw_steps(
        streams, recipe.iterations, given.image_px,
        recipe.crop_scale, recipe.crop_ratio, recipe.flip,
    )  # fmt: skip
    return spread(boxes, [count]) if recipe.crop == "shared" else boxes
