"""Stage 2: latents are optimised until the target sees the attacked class in their images."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mirage import finite, grouping
from mirage.attacks.batches import (
    Batch,
    crop_streams,
    feature_references,
    noise_of,
    official_batches,
    stacked,
)
from mirage.attacks.given import Given
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe
from mirage.attacks.losses import LOSSES
from mirage.attacks.objective import Objective, Stack, step_gradient
from mirage.attacks.pool import Pool
from mirage.attacks.results import Candidates, Optimised
from mirage.attacks.terms import FeatureStatistics, feature_statistics
from mirage.attacks.transforms import draw_steps, plan_crops, spread
from mirage.errors import MirageError
from mirage.numerics import at_precision, numerics
from mirage.optimisers import Optimiser
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.stylegan2.discriminator import Discriminator
from mirage.priors.weights import load_discriminator
from mirage.runtime.checkpoint import Checkpoint, State
from mirage.runtime.progress import Progress
from mirage.targets.noise import width_of

PUBLIC_IMAGES = 5000
"""LOMMA's code takes its feature statistics from about this many public images."""


def run(given: Given) -> Optimised:
    """Run the stage."""
    recipe = OptimisationRecipe.of(given.settings)
    classifier = given.classifier()
    discriminator = statistics = None
    if "discriminator" in given.files:
        discriminator = load_discriminator(given.files["discriminator"], given.device)
    if "pool" in given.files:
        public = Pool.load(given.files["pool"]).images[:PUBLIC_IMAGES]
        with numerics(recipe.precision, given.device):
            statistics = feature_statistics(classifier, public, given.batch, given.device)
    return optimise_latents(
        given.pipeline(),
        classifier,
        given.before(Candidates).latents,
        given.classes,
        recipe,
        given.image_px,
        given.seed,
        given.device,
        given.batch,
        given.checkpoint,
        discriminator=discriminator,
        statistics=statistics,
    )


def optimise_latents(
    pipeline: ImagePipeline,
    classifier: Callable[..., Tensor],
    latents: Tensor,
    classes: Sequence[int],
    recipe: OptimisationRecipe,
    image_px: int,
    seed: int,
    device: str,
    device_batch: int,
    checkpoint: Checkpoint,
    label: str = "optimisation",
    discriminator: Callable[[Tensor], Tensor] | None = None,
    statistics: FeatureStatistics | None = None,
) -> Optimised:
    """Optimise every latent towards its class.

    Several official batches share a device batch. Each keeps its own crops and its own mean, and
    Adam keeps its moments per coordinate, so results depend on ``device_batch``, and on which
    classes run together, by float rounding alone (which Adam with the paper's betas amplifies:
    trajectories may part, their statistics do not).

    Args:
        pipeline: prior and centre crop, on ``device``.
        classifier: attacked model, on ``device``, frozen and in eval mode.
        latents: starting points, single w, [K, n, w_dim].
        classes: attacked class of each of the K rows.
        recipe: the stage's settings.
        image_px: input size of the classifier.
        seed: of the random crops, which depend on class and batch and not on the target.
        device: where all of it runs.
        device_batch: latents that run together at most (at least one official batch does).
        checkpoint: state of an interrupted run.
        label: name of the work in progress lines.
        discriminator: whole images -> scores; needed if ``discriminator_weight`` is set.
        statistics: of the classifier's features; needed if ``feature_weight`` is set.

    Raises:
        MirageError: what a term needs is missing, latents and classes do not match, the
            discriminator cannot group the batches, or no latent of a class is finite any more.

    Source: paper B.4, stage 2, Eq. 16; batches as the official code's on one GPU (quirk
    batches-by-gpus).
    """
    _check(latents, classes, recipe, discriminator, statistics)
    judged = discriminator is not None and recipe.discriminator_weight > 0
    if judged and isinstance(discriminator, Discriminator):
        sizes = grouping.batch_sizes(latents.shape[1], recipe.batch_size)
        grouping.require_groups(sizes, discriminator.config.deviation_group)
    pipeline = pipeline.at(recipe.precision)
    objective = Objective(
        pipeline, at_precision(classifier, recipe.precision), LOSSES[recipe.loss], recipe.clip,
        recipe.feature_weight, discriminator if judged else None, recipe.discriminator_weight,
    )  # fmt: skip
    rows = latents.flatten(0, 1).cpu().clone()  # [K * n, w_dim]
    losses = rows.new_zeros(len(rows), recipe.steps)
    state = checkpoint.load() or {}
    done = int(state.get("done", 0))
    rows[:done], losses[:done] = state.get("latents", rows[:0]), state.get("losses", losses[:0])
    batches = official_batches(classes, latents.shape[1], recipe.batch_size)
    waiting = [batch for batch in batches if batch.start >= done]
    first = int(state.get("step", 0))
    total = len(rows) * recipe.steps
    progress = Progress(label, total, done * recipe.steps + first * len(state.get("w", ())))
    with numerics(recipe.precision, device), progress:
        for batches in stacked(waiting, device_batch):
            part = slice(batches[0].start, batches[-1].stop)
            stack = make_stack(
                batches, recipe, pipeline, image_px, seed, device, rows.dtype, statistics,
                width_of(classifier),
            )  # fmt: skip
            finished: State = {
                "done": torch.tensor(part.start),
                "latents": rows[: part.start],
                "losses": losses[: part.start],
            }
            rows[part], losses[part] = _descend(
                objective, stack, rows[part], recipe, state, finished, checkpoint, progress
            )
            state = {}
            _refuse_lost_classes(rows[: part.stop], latents.shape[1], classes)
    failed = int((~finite.rows_finite(rows)).sum())
    finite.tell(failed, len(rows), "optimised latents")
    shape = *latents.shape[:2], -1
    return Optimised(
        torch.tensor(classes), rows.reshape(shape), _means(losses.reshape(shape)), failed
    )


def _descend(
    objective: Objective,
    stack: Stack,
    start: Tensor,
    recipe: OptimisationRecipe,
    state: State,
    finished: State,
    checkpoint: Checkpoint,
    progress: Progress,
) -> tuple[Tensor, Tensor]:
    """Run all steps of one stack; returns latents [N, w_dim] and losses [N, steps] on the CPU."""
    device = stack.targets.device
    resumed = state.get("w") is not None and len(state["w"]) == len(start)
    w = (state["w"] if resumed else start).to(device, copy=True).requires_grad_()
    optimiser = Optimiser([w], recipe.optimiser)
    trace = w.new_zeros(recipe.steps, len(start))
    first = 0
    if resumed:
        first = int(state["step"])
        optimiser.restore(state)
        trace.copy_(state["trace"])
    for step in range(first, recipe.steps):
        w.grad, trace[step] = step_gradient(objective, stack, w, step)
        optimiser.step()
        progress.advance(len(start))
        running = {"step": torch.tensor(step + 1), "w": w, "trace": trace}
        checkpoint.tick(lambda: finished | running | optimiser.state())  # noqa: B023
    return w.detach().cpu(), trace.T.cpu()


def make_stack(
    batches: Sequence[Batch],
    recipe: OptimisationRecipe,
    pipeline: ImagePipeline,
    image_px: int,
    seed: int,
    device: str,
    dtype: torch.dtype,
    statistics: FeatureStatistics | None = None,
    noise_width: int = 0,
) -> Stack:
    """Draw all crops of the batches; they and the targets go to the device.

    Args:
        batches: consecutive official batches.
        recipe: the stage's settings.
        pipeline: prior and centre crop.
        image_px: input size of the classifier.
        seed: of the crops.
        device: where the stack will run.
        dtype: precision of the latents.
        statistics: of the classifier's features, for the feature regulariser.
        noise_width: normal values that the classifier takes for each image.
    """
    sizes = [batch.stop - batch.start for batch in batches]
    counts = torch.tensor(sizes)
    boxes = draw_steps(
        crop_streams(batches, recipe.crop, recipe.batch_size, seed),
        recipe.steps, image_px, recipe.crop_scale, recipe.crop_ratio, flip=0.0,
    )  # fmt: skip
    if recipe.crop == "shared":
        boxes = spread(boxes, sizes)
    references = None
    if statistics is not None and recipe.feature_weight > 0:
        drawn = recipe.feature_reference == "draw"
        references = feature_references(batches, recipe.steps, statistics, drawn, seed)
    labels = torch.tensor([batch.label for batch in batches])
    return Stack(
        labels.repeat_interleave(counts).to(device),
        sizes,
        (1 / counts.to(dtype)).repeat_interleave(counts).to(device),
        plan_crops(boxes, image_px, pipeline.crop_px, device, dtype),
        references,
        noise_of(batches, recipe.steps, noise_width, seed, device),
    )


def _check(
    latents: Tensor,
    classes: Sequence[int],
    recipe: OptimisationRecipe,
    discriminator: object,
    statistics: object,
) -> None:
    if latents.ndim != 3 or len(latents) != len(classes):
        raise MirageError(
            f"latents have shape {tuple(latents.shape)}", f"[{len(classes)} classes, n, w_dim]"
        )
    if recipe.discriminator_weight > 0 and discriminator is None:
        raise MirageError("discriminator_weight is set, but this prior brings no discriminator")
    if recipe.feature_weight > 0 and statistics is None:
        raise MirageError("feature_weight is set, but there are no feature statistics")


def _refuse_lost_classes(done: Tensor, count: int, classes: Sequence[int]) -> None:
    """Refuse classes that are finished and have no finite latent, of ``count`` each."""
    whole = len(done) // count
    usable = finite.rows_finite(done[: whole * count]).reshape(whole, count)
    finite.require_enough(usable, 1, classes[:whole], "optimised latents")


def _means(losses: Tensor) -> Tensor:
    """Mean loss over the latents of each class, [K, n, steps] to [K, steps]."""
    usable = losses.isfinite()
    if usable.all():
        return losses.mean(dim=1)
    return torch.where(usable, losses, torch.nan).nanmean(dim=1)
