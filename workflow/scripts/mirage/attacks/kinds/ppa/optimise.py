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
from mirage.attacks.compiled import StepTaker, steps_of
from mirage.attacks.given import Given
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe
from mirage.attacks.losses import LOSSES
from mirage.attacks.objective import Objective, Stack
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
from mirage.targets.folding import folded
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
    pipeline, latents = given.pipeline(), given.before(Candidates).latents
    return optimise_latents(given, recipe, pipeline, classifier, latents, discriminator, statistics)


def optimise_latents(
    given: Given,
    recipe: OptimisationRecipe,
    pipeline: ImagePipeline,
    classifier: Callable[..., Tensor],
    latents: Tensor,
    discriminator: Callable[[Tensor], Tensor] | None = None,
    statistics: FeatureStatistics | None = None,
) -> Optimised:
    """Optimise every latent towards its class.

    Several official batches share a device batch. Each keeps its own crops and its own mean, and
    Adam keeps its moments per coordinate, so results depend on ``given.batch``, and on which
    classes run together, by float rounding alone (which Adam with the paper's betas amplifies:
    trajectories may part, their statistics do not).

    Args:
        given: classes, image size, device and state; the seed of the random crops, which depend on
            class and batch and not on the target; the batch is how many latents run together at
            most (at least one official batch does).
        recipe: the stage's settings.
        pipeline: prior and centre crop, on the device.
        classifier: attacked model, on the device, frozen and in eval mode.
        latents: starting points, single w, [K, n, w_dim], a row for each class.
        discriminator: whole images -> scores; needed if ``discriminator_weight`` is set.
        statistics: of the classifier's features; needed if ``feature_weight`` is set.

    Raises:
        MirageError: what a term needs is missing, the discriminator cannot group the batches, or
            no latent of a class is finite any more.

    Source: paper B.4, stage 2, Eq. 16; batches as the official code's on one GPU (quirk
    batches-by-gpus).
    """
    if recipe.discriminator_weight == 0:
        discriminator = None
    elif discriminator is None:
        raise MirageError("discriminator_weight is set, but this prior brings no discriminator")
    if recipe.feature_weight > 0 and statistics is None:
        raise MirageError("feature_weight is set, but there are no feature statistics")
    classes, per_class = given.classes, latents.shape[1]
    if recipe.steps == 0:
        return Optimised(torch.tensor(classes), latents.cpu(), latents.new_zeros(len(latents), 0))
    if isinstance(discriminator, Discriminator):
        group = discriminator.config.deviation_group
        if problem := grouping.misfit(per_class, recipe.batch_size, group):
            raise MirageError(f"optimisation.batch_size: {problem}")
    pipeline = pipeline.at(recipe.precision)
    if recipe.fold_batch_norms:
        classifier = folded(classifier)
    objective = Objective(
        pipeline, at_precision(classifier, recipe.precision), LOSSES[recipe.loss], recipe.clip,
        recipe.feature_weight, discriminator, recipe.discriminator_weight,
    )  # fmt: skip
    rows = latents.flatten(0, 1).cpu().clone()  # [K * n, w_dim]
    losses = rows.new_zeros(len(rows), recipe.steps)
    state = given.checkpoint.load() or {}
    done = int(state.get("done", 0))
    rows[:done], losses[:done] = state.get("latents", rows[:0]), state.get("losses", losses[:0])
    batches = official_batches(classes, per_class, recipe.batch_size)
    waiting = [batch for batch in batches if batch.start >= done]
    past = done * recipe.steps + int(state.get("step", 0)) * len(state.get("w", ()))
    progress = Progress("optimisation", len(rows) * recipe.steps, past)
    stacks = list(stacked(batches, given.batch))
    taking = steps_of(objective, stacks, recipe.steps, given.compiling, given.device, state)
    with numerics(recipe.precision, given.device), progress, taking as steps:
        for batches in stacked(waiting, given.batch):
            part = slice(batches[0].start, batches[-1].stop)
            stack = make_stack(
                given, recipe, pipeline, batches, rows.dtype, statistics, width_of(classifier)
            )
            finished: State = {
                "done": torch.tensor(part.start),
                "latents": rows[: part.start],
                "losses": losses[: part.start],
            }
            rows[part], losses[part] = _descend(
                steps, stack, rows[part], recipe, state, finished, given.checkpoint, progress
            )
            state = {}
            whole = part.stop // per_class  # classes that are done
            usable = finite.rows_finite(rows).reshape(-1, per_class)[:whole]
            finite.require_enough(usable, 1, classes[:whole], "optimised latents")
    failed = int((~finite.rows_finite(rows)).sum())
    finite.tell(failed, len(rows), "optimised latents")
    traces = losses.reshape(len(classes), per_class, -1)
    # Means of those that are finite, where some are not; `nanmean` rounds otherwise.
    if not traces.isfinite().all():
        means = torch.where(traces.isfinite(), traces, torch.nan).nanmean(dim=1)
    else:
        means = traces.mean(dim=1)
    compiled = steps.compiled / losses.numel()
    return Optimised(torch.tensor(classes), rows.reshape(latents.shape), means, failed, compiled)


def _descend(
    steps: StepTaker,
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
    w = state.get("w", start).to(device, copy=True).requires_grad_()
    optimiser = Optimiser([w], recipe.optimiser)
    trace = w.new_zeros(recipe.steps, len(start))
    if state:
        optimiser.restore(state)
        trace.copy_(state["trace"])
    for step in range(int(state.get("step", 0)), recipe.steps):
        w.grad, trace[step] = steps.gradient(stack, w, step)
        optimiser.step()
        progress.advance(len(start))
        running = {"step": torch.tensor(step + 1), "w": w, "trace": trace, **steps.state()}
        checkpoint.tick(lambda: finished | running | optimiser.state())  # noqa: B023
    return w.detach().cpu(), trace.T.cpu()


def make_stack(
    given: Given,
    recipe: OptimisationRecipe,
    pipeline: ImagePipeline,
    batches: Sequence[Batch],
    dtype: torch.dtype,
    statistics: FeatureStatistics | None = None,
    noise_width: int = 0,
) -> Stack:
    """Draw all crops of consecutive official batches; they and the targets go to the device.

    The arguments are those of ``optimise_latents``; ``dtype`` is the precision of the latents,
    ``noise_width`` how many normal values the classifier takes for each image.
    """
    px, seed, device = given.image_px, given.seed, given.device
    sizes = [batch.stop - batch.start for batch in batches]
    counts = torch.tensor(sizes)
    boxes = draw_steps(
        crop_streams(batches, recipe.crop, recipe.batch_size, seed),
        recipe.steps, px, recipe.crop_scale, recipe.crop_ratio, flip=0.0,
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
        plan_crops(boxes, px, pipeline.crop_px, device, dtype),
        references,
        noise_of(batches, recipe.steps, noise_width, given.seed, given.device),
    )
