"""What is drawn once for each image of a data set and is the same for every model."""

from collections.abc import Sequence

import torch
from torch import Tensor

from mirage.streams import generator


def targets(labels: Tensor, classes: int, seed: int, dataset: str) -> Tensor:
    """A class to be reached for each image: any but its own, all equally likely.

    Drawn for all images of a data set, whoever tests on which (quirk redrawn-targets).

    Args:
        labels: of all images of the data set, in its order, int64 [N].
        classes: K, at least two.
        seed: of the draw.
        dataset: its name.
    """
    stream = generator(seed, "measures", "adversarial", "targets", dataset)
    others = torch.randint(classes - 1, (len(labels),), generator=stream)
    return others + (others >= labels)


def directions(
    shape: Sequence[int], numbers: Sequence[int], seed: int, dataset: str, attack: str
) -> Tensor:
    """Random changes of images, uniform in [-1, 1), float32 [N, *shape].

    Args:
        shape: of one image.
        numbers: of the images in their data set.
        seed: of the draw.
        dataset: its name.
        attack: that starts there.
    """
    names = [("measures", "adversarial", attack, dataset, number) for number in numbers]
    return torch.stack([torch.rand(*shape, generator=generator(seed, *n)) for n in names]) * 2 - 1


def searches(numbers: Sequence[int], seed: int, dataset: str, attack: str) -> list[torch.Generator]:
    """A stream for each image's search."""
    return [generator(seed, "measures", "adversarial", attack, dataset, n) for n in numbers]
