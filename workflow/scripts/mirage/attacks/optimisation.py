"""Stage 2: latents are optimised until the target sees the attacked class in their images."""

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from mirage.attacks.losses import LOSSES, FeatureStatistics
from mirage.attacks.objective import Objective, Stack, step_gradient
from mirage.attacks.transforms import Sharing, check_crop, draw_steps, plan_crops, spread
from mirage.errors import MirageError
from mirage.optimisers import Optimiser, OptimiserRecipe
from mirage.priors.pipeline import ImagePipeline
from mirage.recipes import Recipe, require
from mirage.runtime.checkpoint import Checkpoint, State
from mirage.runtime.progress import Progress
from mirage.streams import generator

_log = logging.getLogger("mirage")


@dataclass(frozen=True)
class OptimisationRecipe(Recipe):
    """How latents are optimised; defaults are the paper's (B.4) unless said otherwise.

    Attributes:
        steps: optimiser steps (paper: 50 FaceScrub, 70 CelebA).
        optimiser: paper: Adam, learning rate 0.005, betas (0.1, 0.1).
        batch_size: latents of one official batch (official code: 25 on one GPU). It sets which
            latents share a crop, and the factor 1 / batch_size of the gradient.
        crop_scale: bounds of the random crop's share of the area.
        crop_ratio: bounds of its width / height.
        crop: ``shared``, one crop per official batch and step (official code), or ``per_image``
            (corrected; facts, quirk 3).
        loss: name of an attack loss.
        discriminator_weight: weight of the mean softplus(-D(image)); 0 leaves it out.
        feature_weight: weight of the feature regulariser; 0 leaves it out (LOMMA: 1.0).
        feature_reference: f_reg is the ``mean`` of public features (what LOMMA's code does) or
            one normal ``draw`` per official batch and step (what the paper's C.7 says; quirk 18).
        clip: clamp images to [-1, 1] before they are resized (official code: false).
    """

    steps: int
    optimiser: OptimiserRecipe = field(
        default_factory=lambda: OptimiserRecipe("adam", 0.005, betas=(0.1, 0.1))
    )
    batch_size: int = 25
    crop_scale: tuple[float, float] = (0.9, 1.0)
    crop_ratio: tuple[float, float] = (1.0, 1.0)
    crop: Sharing = "shared"
    loss: str = "poincare"
    discriminator_weight: float = 0.0
    feature_weight: float = 0.0
    feature_reference: Literal["mean", "draw"] = "mean"
    clip: bool = False

    def __post_init__(self) -> None:
        require(self.steps > 0, "steps", self.steps, "at least 1")
        require(self.batch_size > 0, "batch_size", self.batch_size, "at least 1")
        check_crop(self.crop_scale, self.crop_ratio)
        require(self.loss in LOSSES, "loss", self.loss, f"one of {', '.join(LOSSES)}")
        for name in ("discriminator_weight", "feature_weight"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "zero or more")


@dataclass(frozen=True)
class Optimised:
    """Results of stage 2, in the order of the candidates.

    Attributes:
        classes: attacked classes, int64 [K].
        latents: single w, float32 [K, n, w_dim].
        losses: mean loss of each class before each step, float32 [K, steps].
    """

    classes: Tensor
    latents: Tensor
    losses: Tensor


class Batch(NamedTuple):
    """One official batch: rows [start, stop) of all latents; never straddles two classes."""

    label: int
    number: int
    start: int
    stop: int


def optimise_latents(
    pipeline: ImagePipeline,
    classifier: Callable[[Tensor], Tensor],
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
        MirageError: what a term needs is missing, or latents and classes do not match.

    Source: paper B.4, stage 2, Eq. 16; official code as stated in the facts, section 5. The
    facts' 8 batches of 25 within a class hold for one GPU (quirk 15).
    """
    _check(latents, classes, recipe, discriminator, statistics)
    objective = Objective(
        pipeline, classifier, LOSSES[recipe.loss], recipe.clip, recipe.feature_weight,
        discriminator if recipe.discriminator_weight > 0 else None, recipe.discriminator_weight,
    )  # fmt: skip
    rows = latents.flatten(0, 1).cpu().clone()  # [K * n, w_dim]
    losses = rows.new_zeros(len(rows), recipe.steps)
    state = checkpoint.load() or {}
    done = int(state.get("done", 0))
    rows[:done], losses[:done] = state.get("latents", rows[:0]), state.get("losses", losses[:0])
    waiting = [b for b in official_batches(classes, latents.shape[1], recipe) if b.start >= done]
    first = int(state.get("step", 0))
    total = len(rows) * recipe.steps
    with Progress(label, total, done * recipe.steps + first * len(state.get("w", ()))) as progress:
        for batches in stacked(waiting, device_batch):
            part = slice(batches[0].start, batches[-1].stop)
            stack = make_stack(
                batches, recipe, pipeline, image_px, seed, device, rows.dtype, statistics
            )
            finished: State = {
                "done": torch.tensor(part.start),
                "latents": rows[: part.start],
                "losses": losses[: part.start],
            }
            rows[part], losses[part] = _descend(
                objective, stack, rows[part], recipe, state, finished, checkpoint, progress
            )
            state = {}
    _warn_of_failures(rows)
    shape = *latents.shape[:2], -1
    return Optimised(torch.tensor(classes), rows.reshape(shape), losses.reshape(shape).mean(dim=1))


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


def official_batches(classes: Sequence[int], count: int, recipe: OptimisationRecipe) -> list[Batch]:
    """Cut ``count`` latents of each class into the official batches."""
    size = recipe.batch_size
    return [
        Batch(label, number, place * count + low, place * count + min(low + size, count))
        for place, label in enumerate(classes)
        for number, low in enumerate(range(0, count, size))
    ]


def stacked(batches: Sequence[Batch], device_batch: int) -> Iterator[list[Batch]]:
    """Gather consecutive batches until one more would exceed ``device_batch`` latents."""
    stack: list[Batch] = []
    for batch in batches:
        if stack and batch.stop - stack[0].start > device_batch:
            yield stack
            stack = []
        stack.append(batch)
    if stack:
        yield stack


def make_stack(
    batches: Sequence[Batch],
    recipe: OptimisationRecipe,
    pipeline: ImagePipeline,
    image_px: int,
    seed: int,
    device: str,
    dtype: torch.dtype,
    statistics: FeatureStatistics | None = None,
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
    """
    sizes = [batch.stop - batch.start for batch in batches]
    counts = torch.tensor(sizes)
    names: list[tuple[str | int, ...]] = [("batch", b.label, b.number) for b in batches]
    if recipe.crop == "per_image":
        names = [
            ("image", b.label, b.number * recipe.batch_size + place)
            for b in batches
            for place in range(b.stop - b.start)
        ]
    streams = (generator(seed, "attacks", "optimisation", *name) for name in names)
    boxes = draw_steps(streams, recipe.steps, image_px, recipe.crop_scale, recipe.crop_ratio, 0.0)
    if recipe.crop == "shared":
        boxes = spread(boxes, sizes)
    references = None
    if statistics is not None and recipe.feature_weight > 0:
        references = _references(batches, recipe, statistics, seed)
    labels = torch.tensor([batch.label for batch in batches])
    return Stack(
        labels.repeat_interleave(counts).to(device),
        sizes,
        (1 / counts.to(dtype)).repeat_interleave(counts).to(device),
        plan_crops(boxes, image_px, pipeline.crop_px, device, dtype),
        references,
    )


def _references(
    batches: Sequence[Batch], recipe: OptimisationRecipe, statistics: FeatureStatistics, seed: int
) -> Tensor:
    """f_reg of each step and batch, [T, len(batches), D]."""
    mean, std = statistics
    if recipe.feature_reference == "mean":
        return mean.expand(recipe.steps, len(batches), -1)
    draws = [
        torch.randn(
            recipe.steps, len(mean),
            generator=generator(seed, "attacks", "features", batch.label, batch.number),
        )
        for batch in batches
    ]  # fmt: skip
    return mean + std * torch.stack(draws, dim=1).to(mean)


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


def _warn_of_failures(rows: Tensor) -> None:
    failed = int((~rows.isfinite()).any(dim=1).sum())
    if failed:
        _log.warning("%d of %d latents are no longer finite numbers", failed, len(rows))
