"""A classifier as adversarial attacks see it: images in [0, 1], every pass with a name."""

from collections.abc import Callable, Sequence
from typing import TypeAlias

import torch
from torch import Tensor

from mirage.finite import rows_finite
from mirage.streams import generator
from mirage.targets.noise import drawn

Seen: TypeAlias = Callable[[Tensor, int], Tensor]
"""(images in [0, 1], number of the pass) -> logits. Of several versions of each image those of one
image stand together."""

NO_CLASS = -1
"""Prediction where logits are no finite numbers."""


def seen(classifier: Callable[..., Tensor], attack: str, numbers: Sequence[int], seed: int) -> Seen:
    """Show a classifier some images.

    Args:
        classifier: of images in [-1, 1], on their device.
        attack: which shows them. It and the number of the pass name the noise of a classifier
            that draws some, so that no image's depends on those beside it.
        numbers: of the images in their data set.
        seed: of the noise.
    """

    def logits(images: Tensor, turn: int) -> Tensor:
        versions = len(images) // len(numbers)
        names = [("measures", "adversarial", "noise", attack, number, turn) for number in numbers]
        noise = [drawn(classifier, generator(seed, *name), versions) for name in names]
        given = [rows for rows in noise if rows is not None]
        beside = (torch.cat(given).to(images.device),) if given else ()
        return classifier(images.mul(2).sub(1), *beside)

    return logits


def predictions(logits: Tensor) -> Tensor:
    """The class of each row, int64 [N]; ``NO_CLASS`` where it is not finite."""
    return torch.where(rows_finite(logits), logits.argmax(dim=1), NO_CLASS)
