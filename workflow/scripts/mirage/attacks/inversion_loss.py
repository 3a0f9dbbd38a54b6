"""What GMI, KED-MI and LOMMA minimise, as a function of latents."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mirage.attacks.given import Given
from mirage.attacks.identity_batches import IdentityBatch
from mirage.attacks.inversion_recipe import InversionRecipe
from mirage.attacks.losses import LOSSES, Loss
from mirage.attacks.tapped import TappedTarget, public_features
from mirage.attacks.terms import feature_distance
from mirage.numerics import at_precision, numerics
from mirage.priors.rendering import Prior

PriorDoubt = Callable[[Tensor, list[int]], Tensor]
"""(images [N, C, H, W] in [0, 1], rows of each official batch) -> loss of the prior per row [N]."""


@dataclass(frozen=True)
class LatentRows:
    """Latents that the device takes together; rows follow one another, batch after batch.

    Attributes:
        labels: attacked class of each row, int64 [N].
        sizes: rows of each official batch.
        weights: 1 / size of the row's official batch, [N]. Summed with them, losses give every
            latent the gradient it has in its own batch's mean.
    """

    labels: Tensor
    sizes: list[int]
    weights: Tensor


def latent_rows(batches: Sequence[IdentityBatch], device: str) -> LatentRows:
    """Rows of consecutive official batches, on a device."""
    sizes = [len(batch.labels) for batch in batches]
    labels = torch.tensor([label for batch in batches for label in batch.labels])
    counts = torch.tensor(sizes)
    weights = (1 / counts.float()).repeat_interleave(counts)
    return LatentRows(labels.to(device), sizes, weights.to(device))


@dataclass(frozen=True)
class InversionLoss:
    """The prior's doubt of an image plus the weighted identity loss.

    Attributes:
        generate: latents [N, z_dim] and classes [N] -> images [N, C, H, W] in [-1, 1].
        doubt: the prior's loss.
        target: images and noise -> penultimate features [N, D] and logits [N, K].
        loss: loss per row of logits.
        students: images -> logits; their losses and the target's have equal weight.
        reference: mean features of public images p_reg, [D]; None leaves the regulariser out.
        feature_weight: of the regulariser, which looks at the target's features alone and is not
            divided by the number of networks.
        identity_weight: of the identity loss.

    Source: GMI's and KED-MI's code; LOMMA's for students and regulariser (paper C.7 has it too).
    """

    generate: Callable[[Tensor, Tensor], Tensor]
    doubt: PriorDoubt
    target: Callable[..., tuple[Tensor, Tensor]]
    loss: Loss
    students: Sequence[Callable[[Tensor], Tensor]] = ()
    reference: Tensor | None = None
    feature_weight: float = 0.0
    identity_weight: float = 100.0

    def identity(self, images: Tensor, labels: Tensor, *noise: Tensor) -> Tensor:
        """Identity loss of each image, [N]; ``noise`` is the target's."""
        features, logits = self.target(images, *noise)
        views = [logits, *(student(images) for student in self.students)]
        losses = torch.stack([self.loss(view, labels) for view in views]).mean(dim=0)
        if self.reference is None:
            return losses
        return losses + self.feature_weight * feature_distance(features, self.reference)

    def of(self, latents: Tensor, rows: LatentRows, *noise: Tensor) -> Tensor:
        """Loss of each latent [N, z_dim], [N].

        The official loss is the sum of this over a batch, each row weighted by ``rows.weights``.
        """
        images = self.generate(latents, rows.labels)
        doubt = self.doubt((images + 1) / 2, rows.sizes)
        return doubt + self.identity_weight * self.identity(images, rows.labels, *noise)


def inversion_loss(
    given: Given, recipe: InversionRecipe, prior: Prior, doubt: PriorDoubt
) -> InversionLoss:
    """Make the loss of a stage from its files.

    Args:
        given: target, and public images and students where the recipe asks for them.
        recipe: terms, weights and precision.
        prior: renders latents.
        doubt: the prior's loss.

    Raises:
        MirageError: the target's features of public images are no finite numbers.
    """
    precision = recipe.precision
    target = TappedTarget(given.classifier(), precision)
    reference, students = None, []
    if recipe.feature_weight > 0:
        with numerics(precision, given.device):
            reference = public_features(
                target, given.public(), given.seed, given.batch, given.device
            )
    if recipe.students is not None:
        students = [at_precision(student, precision) for student in given.students()]
    return InversionLoss(
        prior.at(precision).generate, doubt, target, LOSSES[recipe.loss], students, reference,
        recipe.feature_weight, recipe.identity_weight,
    )  # fmt: skip
