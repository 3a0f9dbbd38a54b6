"""What an attack minimises: one value per image, so that batches may be stacked.

A loss registers under the name that stands in the configuration.
"""

from collections.abc import Callable, Iterable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from mirage.errors import MirageError
from mirage.finite import rows_finite

Loss = Callable[[Tensor, Tensor], Tensor]
"""(logits [N, K], attacked classes int64 [N]) -> loss per row [N]."""

LOSSES: dict[str, Loss] = {}

_TARGET = 0.9999
"""Coordinate of the attacked class in the Poincaré ball (paper B.4); 1 would lie on its rim."""


class FeatureNetwork(Protocol):
    """A classifier whose penultimate layer can be asked for."""

    def features(self, images: Tensor) -> Tensor:
        """Penultimate activations [N, D]."""
        ...


class FeatureStatistics(NamedTuple):
    """Mean and standard deviation of penultimate activations over public images, each [D]."""

    mean: Tensor
    std: Tensor


def register(name: str) -> Callable[[Loss], Loss]:
    """Offer a loss under ``name``."""

    def add(loss: Loss) -> Loss:
        LOSSES[name] = loss
        return loss

    return add


@register("poincare")
def poincare(logits: Tensor, targets: Tensor) -> Tensor:
    """Hyperbolic distance between the normalised logits and the attacked class.

    Args:
        logits: scores before softmax, [N, K]; a row of zeros gives NaN, as in the paper.
        targets: attacked class of each row, int64 [N].

    Returns:
        d(u, v) = arcosh(1 + 2 |u - v|^2 / ((1 - |u|^2) (1 - |v|^2))) per row, [N], with
        u = o / |o|_1 and v = 0.9999 at the attacked class, 0 elsewhere.

    Source: paper B.4, Eq. 16. Deviation: 1 - |v|^2 is a float64 constant, where the official code
    computes it in float32 (relative difference below 1e-3 of that factor, far from the optimum a
    shift of the loss by a constant).
    """
    u = logits / logits.abs().sum(dim=1, keepdim=True)
    away = torch.full_like(u[:, :1], -_TARGET)
    gap = u.scatter_add(1, targets[:, None], away).square().sum(dim=1)
    room = (1 - u.square().sum(dim=1)) * (1 - _TARGET**2)
    return torch.acosh(1 + 2 * gap / room)


@register("cross_entropy")
def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy of raw logits per row, [N] (paper B.4 and Fig. 7, C.7)."""
    return F.cross_entropy(logits, targets, reduction="none")


@register("identity")
def identity(logits: Tensor, targets: Tensor) -> Tensor:
    """Negative logit of the attacked class per row, [N] (LOMMA's identity loss, paper C.7)."""
    return -logits.gather(1, targets[:, None]).squeeze(1)


def feature_distance(features: Tensor, reference: Tensor) -> Tensor:
    """Mean squared distance of penultimate features to a reference, [N].

    Args:
        features: [N, D].
        reference: f_reg, [D] or [N, D].

    Source: LOMMA's feature regulariser (paper C.7); the mean is over the D dimensions.
    """
    return (features - reference).square().mean(dim=1)


def feature_statistics(
    classifier: FeatureNetwork, images: Tensor, batch_size: int, device: str
) -> FeatureStatistics:
    """Statistics of a classifier's penultimate features over public images.

    Args:
        classifier: attacked model, on ``device``.
        images: [N, C, H, W] on the CPU, e.g. those of the candidate pool.
        batch_size: images per pass.
        device: where the classifier lies.

    Returns:
        Mean and population standard deviation, on ``device``.

    Raises:
        MirageError: features that are no finite numbers.
    """
    features = torch.cat(list(_features(classifier, torch.split(images, batch_size), device)))
    failed = int((~rows_finite(features)).sum())
    if failed:
        raise MirageError(
            f"the target gives features that are no finite numbers for {failed} of "
            f"{len(features)} public images",
            remedy="check its weights and the pool's prior, or use precision fp32",
        )
    return FeatureStatistics(features.mean(dim=0), features.std(dim=0, correction=0))


@torch.no_grad()
def _features(
    classifier: FeatureNetwork, batches: Iterable[Tensor], device: str
) -> Iterable[Tensor]:
    for batch in batches:
        yield classifier.features(batch.to(device))


def realism(discriminator: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Generator loss softplus(-D(image)) per row, [N].

    Args:
        discriminator: images -> score [N] or [N, 1], high for real ones.
        images: whole, unclipped generator images, one official batch (the discriminator compares
            the images of a batch with one another).

    Source: official code's discriminator term, as stated in the facts. Deviation: the official
    discriminator's top resolutions run in half precision; see ``mirage.priors.stylegan2``.
    """
    return F.softplus(-discriminator(images)).reshape(len(images))
