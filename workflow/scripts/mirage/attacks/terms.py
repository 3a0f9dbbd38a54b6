"""Terms that an attack may add to its loss: closeness to public features, realism of the image."""

from collections.abc import Callable
from typing import NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import functional as F

from mirage.errors import MirageError
from mirage.finite import rows_finite


class Featured(Protocol):
    """A network with penultimate activations."""

    def features(self, images: Tensor, /) -> Tensor:
        """Activations [N, D] of images."""


class FeatureStatistics(NamedTuple):
    """Mean and standard deviation of penultimate activations over public images, each [D]."""

    mean: Tensor
    std: Tensor


def feature_distance(features: Tensor, reference: Tensor) -> Tensor:
    """Mean squared distance of features [N, D] to a reference f_reg, [D] or [N, D]: [N].

    Source: LOMMA's feature regulariser (paper C.7); the mean is over the D dimensions.
    """
    return (features - reference).square().mean(dim=1)


@torch.no_grad()
def feature_statistics(
    classifier: Featured, images: Tensor, batch_size: int, device: str
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
    features = torch.cat(
        [classifier.features(batch.to(device)) for batch in torch.split(images, batch_size)]
    )
    failed = int((~rows_finite(features)).sum())
    if failed:
        raise MirageError(
            f"the target gives features that are no finite numbers for {failed} of "
            f"{len(features)} public images",
            remedy="check its weights and the pool's prior, or use precision fp32",
        )
    return FeatureStatistics(features.mean(dim=0), features.std(dim=0, correction=0))


def realism(discriminator: Callable[[Tensor], Tensor], images: Tensor) -> Tensor:
    """Generator loss softplus(-D(image)) per row, [N].

    Args:
        discriminator: images -> score [N] or [N, 1], high for real ones.
        images: whole, unclipped generator images, one official batch (the discriminator compares
            the images of a batch with one another).

    Source: official code's discriminator term, but for its precision (quirk half-discriminator).
    """
    return F.softplus(-discriminator(images)).reshape(len(images))
