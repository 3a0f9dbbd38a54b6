"""One step of the optimisation as a function: latents to loss and gradient."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from mirage.attacks.losses import Loss
from mirage.attacks.terms import feature_distance, realism
from mirage.attacks.transforms import Crops, cut_out
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.stylegan2.regions import Window, cut
from mirage.targets.noise import rows_of


@dataclass(frozen=True)
class Objective:
    """What is minimised, the same for all latents of an attack.

    Attributes:
        pipeline: prior and centre crop.
        classifier: attacked model, frozen and in eval mode; with the feature regulariser it offers
            ``features`` and ``head``.
        loss: loss per row of logits.
        clip: clamp images to [-1, 1] before they are resized.
        feature_weight: weight of the feature regulariser; needs references in the stack.
        discriminator: the prior's discriminator; None leaves the term out.
        discriminator_weight: weight of its term.
    """

    pipeline: ImagePipeline
    classifier: Callable[..., Tensor]
    loss: Loss
    clip: bool = False
    feature_weight: float = 0.0
    discriminator: Callable[[Tensor], Tensor] | None = None
    discriminator_weight: float = 0.0


@dataclass(frozen=True)
class Stack:
    """Official batches that the device takes together; rows follow one another.

    Attributes:
        targets: attacked class of each row, int64 [N].
        sizes: rows of each official batch.
        weights: 1 / size of the row's official batch, [N]. Summed with them, losses give every
            latent the gradient it has in its own batch's mean.
        crops: random crops of all steps.
        references: f_reg of each step and official batch, [T, len(sizes), D], or None.
        noise: of the classifier's passes, [T, N, width], or None if it draws none.
    """

    targets: Tensor
    sizes: list[int]
    weights: Tensor
    crops: Crops
    references: Tensor | None = None
    noise: Tensor | None = None


class StepDraws(NamedTuple):
    """What the rows of one step are given beside their latents: tensors alone, no step number.

    Attributes:
        targets: attacked class of each row, int64 [N].
        rows: matrices that crop and resize the height, [N, image_px, source_px].
        columns: those of the width.
        reference: f_reg, [N, D], or None.
        noise: of the classifier's pass, ([N, width],), or nothing.
    """

    targets: Tensor
    rows: Tensor
    columns: Tensor
    reference: Tensor | None
    noise: tuple[Tensor, ...]

    def of_rows(self, rows: Tensor) -> "StepDraws":
        """The same of some rows, int64 [M], which may come more than once."""
        reference = None if self.reference is None else self.reference[rows]
        noise = tuple(part[rows] for part in self.noise)
        return StepDraws(self.targets[rows], self.rows[rows], self.columns[rows], reference, noise)


def draws_of(stack: Stack, step: int) -> StepDraws:
    """Look up what a stack holds for one step, counted from 0."""
    device, reference = stack.targets.device, None
    if stack.references is not None:
        counts = torch.tensor(stack.sizes, device=device)
        # Given the size of the result, a GPU need not be waited for.
        reference = stack.references[step].repeat_interleave(
            counts, dim=0, output_size=len(stack.targets)
        )
    noise = rows_of(stack.noise, step, device)
    return StepDraws(stack.targets, *stack.crops.matrices(step), reference, noise)


def row_losses(objective: Objective, w: Tensor, draws: StepDraws, sizes: list[int]) -> Tensor:
    """Loss of each latent at one step, [N].

    It traces as one graph, the same for all steps and for all stacks of equal size.

    Args:
        objective: what is minimised.
        w: single-w latents, [N, w_dim].
        draws: of the step.
        sizes: rows of each official batch, which the discriminator judges together.
    """
    pipeline = objective.pipeline
    ws = pipeline.repeat(w)
    extra = None
    if objective.discriminator is None:
        view = pipeline.crop(ws, objective.clip)
    else:
        whole = pipeline.whole(ws)
        judged = [realism(objective.discriminator, part) for part in torch.split(whole, sizes)]
        extra = objective.discriminator_weight * torch.cat(judged)
        view = cut(whole, Window.whole(pipeline.generator.image_px), pipeline.region)
        view = view.clamp(-1, 1) if objective.clip else view
    images = cut_out(view, draws.rows, draws.columns)
    if draws.reference is None:
        losses = objective.loss(objective.classifier(images, *draws.noise), draws.targets)
    else:
        # One pass serves both terms: logits are the head of the features.
        features = objective.classifier.features(images)  # type: ignore[attr-defined]
        logits = objective.classifier.head(features, *draws.noise)  # type: ignore[attr-defined]
        losses = objective.loss(logits, draws.targets)
        apart = feature_distance(features, draws.reference)
        losses = losses + objective.feature_weight * apart
    return losses if extra is None else losses + extra


def step_gradient(
    objective: Objective, stack: Stack, w: Tensor, step: int
) -> tuple[Tensor, Tensor]:
    """Gradient of the official loss with respect to the latents, and the loss per latent.

    Only the path to ``w`` is differentiated; weight gradients of the target are never computed.

    Args:
        objective: what is minimised.
        stack: rows that run together.
        w: single-w latents, [N, w_dim], requiring gradients.
        step: counted from 0; chooses crops, references and noise.

    Returns:
        d (sum over official batches of the batch's mean loss) / d w, [N, w_dim], and the losses
        [N] without graph.
    """
    losses = row_losses(objective, w, draws_of(stack, step), stack.sizes)
    (gradient,) = torch.autograd.grad(losses, w, stack.weights)
    return gradient, losses.detach()
