"""Stage 3: of each class's results, those the target recognises most robustly."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mirage import finite
from mirage.attacks.given import Given
from mirage.attacks.kinds.ppa.recipe import SelectionRecipe
from mirage.attacks.results import Optimised, Selected
from mirage.attacks.transforms import draw_steps, plan_crops, spread
from mirage.errors import MirageError
from mirage.imaging import Boxes
from mirage.numerics import at_precision, numerics
from mirage.priors.pipeline import ImagePipeline
from mirage.runtime.checkpoint import Checkpoint, State
from mirage.runtime.progress import Progress
from mirage.streams import generator
from mirage.targets.noise import drawn, rows_of

_SCORES = "robust confidences of results"


def run(given: Given) -> Selected:
    """Run the stage."""
    return select_latents(
        given.pipeline(),
        given.classifier(),
        given.before(Optimised).latents,
        given.classes,
        SelectionRecipe.of(given.settings),
        given.image_px,
        given.seed,
        given.device,
        given.batch,
        given.checkpoint,
    )


def select_latents(
    pipeline: ImagePipeline,
    classifier: Callable[..., Tensor],
    latents: Tensor,
    classes: Sequence[int],
    recipe: SelectionRecipe,
    image_px: int,
    seed: int,
    device: str,
    batch_size: int,
    checkpoint: Checkpoint,
    label: str = "selection",
) -> Selected:
    """Rank each class's results by robust confidence and keep the best.

    Every image is synthesised once, without clipping. The transforms depend on seed and class
    alone, so every ranking model sees the same ones (paper, Table 7), and device batches never
    straddle classes, so neither does a result depend on the split into jobs.

    Args:
        pipeline: prior and centre crop, on ``device``.
        classifier: ranking model, on ``device``, frozen and in eval mode.
        latents: results of stage 2, single w, [K, n, w_dim].
        classes: attacked class of each of the K rows.
        recipe: the stage's settings.
        image_px: input size of the classifier.
        seed: of the random transforms.
        device: where all of it runs.
        batch_size: images per pass.
        checkpoint: state of an interrupted run.
        label: name of the work in progress lines.

    Raises:
        MirageError: fewer results per class than shall be kept, or fewer finite ones: of latents
            before anything is rendered, of scores once the class is rated.

    Source: paper B.4, stage 3; official code. Deviation: the stage draws from a stream of
    its own, where the official code goes on with the one stage 2 has used (quirk
    continued-stream).
    """
    if recipe.n_selected > latents.shape[1]:
        raise MirageError(
            f"n_selected is {recipe.n_selected}",
            f"at most the {latents.shape[1]} results of a class",
            "lower it or raise candidates_per_class",
        )
    finite.require_enough(
        finite.rows_finite(latents), recipe.n_selected, classes, "optimised latents"
    )
    state = checkpoint.load()
    rated = [] if state is None else list(state["ratings"])
    passes = [] if state is None else list(state["scores"].to(device).split(batch_size))

    def so_far() -> State:
        ratings = torch.stack(rated) if rated else latents.new_zeros(0, latents.shape[1])
        return {"ratings": ratings, "scores": torch.cat(passes)}

    pipeline = pipeline.at(recipe.precision)
    classifier = at_precision(classifier, recipe.precision)
    progress = Progress(label, len(classes), len(rated))
    with numerics(recipe.precision, device), progress:
        for place in range(len(rated), len(classes)):
            rated.append(
                rate_robustly(
                    pipeline, classifier, latents[place], classes[place], recipe, image_px, seed,
                    device, batch_size, passes, lambda: checkpoint.tick(so_far),
                )
            )  # fmt: skip
            passes.clear()
            usable = rated[-1].isfinite()[None]
            finite.require_enough(usable, recipe.n_selected, [classes[place]], _SCORES)
            progress.advance()
    ratings = torch.stack(rated)
    failed = int((~ratings.isfinite()).sum())
    finite.tell(failed, ratings.numel(), _SCORES)
    best, indices = finite.rank(ratings, recipe.n_selected, classes, _SCORES)
    kept = latents.cpu().take_along_dim(indices[:, :, None], dim=1)
    return Selected(torch.tensor(classes), kept, best, indices, failed)


@torch.no_grad()
def rate_robustly(
    pipeline: ImagePipeline,
    classifier: Callable[..., Tensor],
    latents: Tensor,
    target: int,
    recipe: SelectionRecipe,
    image_px: int,
    seed: int,
    device: str,
    batch_size: int,
    passes: list[Tensor],
    tick: Callable[[], None],
) -> Tensor:
    """Mean probability of one class under random transforms, for latents [n, w_dim]: [n].

    ``passes`` are the scores of the passes done, by an interrupted run if there are any at first;
    each further one is added, and ``tick`` called. The other arguments are ``select_latents``'s.
    """
    parts = torch.split(latents.to(device), batch_size)
    images = torch.cat([pipeline.images(part, image_px) for part in parts])
    count = len(images)
    name = ("attacks", "selection", target)
    if recipe.crop == "shared":
        streams = [generator(seed, *name)]
    else:
        streams = [generator(seed, *name, "image", place) for place in range(count)]
    boxes = draw_steps(
        streams, recipe.iterations, image_px, recipe.crop_scale, recipe.crop_ratio, recipe.flip
    )
    if recipe.crop == "shared":
        boxes = spread(boxes, [count])
    noise = drawn(classifier, generator(seed, *name, "noise"), recipe.iterations, count)
    total = recipe.iterations * count
    for first in range(sum(map(len, passes)), total, batch_size):
        pairs = torch.arange(first, min(first + batch_size, total))
        iteration, place = pairs // count, pairs % count
        # A pass plans its own crops: with a box per image, those of a class would fill gigabytes.
        these = Boxes(*(field[iteration, place][None] for field in boxes))
        crops = plan_crops(these, image_px, image_px, device, images.dtype)
        cut = crops.cut(images[place.to(device)], 0)
        logits = classifier(cut, *rows_of(noise, (iteration, place), device))
        passes.append(logits.softmax(dim=1)[:, target])
        tick()
    return torch.cat(passes).reshape(recipe.iterations, count).mean(dim=0).cpu()
