"""Feature distances of attack images to the nearest training image of their class."""

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirage.errors import MirageError


def squared_distances(a: NDArray[Any], b: NDArray[Any]) -> NDArray[np.float64]:
    """Squared l2 distances between the rows of [N, D] and [M, D], as float64 [N, M]."""
    a, b = a.astype(np.float64), b.astype(np.float64)
    # About a common centre, so that the cancellation below costs no digits.
    centre = b.mean(axis=0)
    a, b = a - centre, b - centre
    squares: NDArray[np.float64] = (a * a).sum(axis=1)[:, None] + (b * b).sum(axis=1)
    squares -= 2 * (a @ b.T)
    return squares.clip(min=0.0)


def nearest_squared(
    attack: NDArray[Any],
    classes: NDArray[np.int64],
    real: NDArray[Any],
    labels: NDArray[np.int64],
) -> NDArray[np.float64]:
    """Squared l2 distance of each attack image to the nearest training image of its class, [K, m].

    Arguments and errors are those of ``same_class``.

    Source: paper §4.1, "l2 distance"; squared, as the official code has it (quirk
    squared-distances); δ_face of unit vectors lies in [0, 4]. The plain distance is the root.
    """
    pairs = same_class(attack, classes, real, labels)
    return np.stack([squared_distances(fake, own).min(axis=1) for fake, own in pairs])


def same_class(
    attack: NDArray[Any],
    classes: NDArray[np.int64],
    real: NDArray[Any],
    labels: NDArray[np.int64],
) -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
    """Pair the attack features [m, D] of each class with the real features [n, D] of that class.

    Args:
        attack: features of attack images, [K, m, D].
        classes: the K attacked classes.
        real: features of training images, [N, D].
        labels: their classes, [N].

    Raises:
        MirageError: an attacked class has no real image.
    """
    for fake, label in zip(attack, classes, strict=True):
        own = real[labels == label]
        if not len(own):
            raise MirageError(
                f"class {label} is attacked but has no training image among the real features",
                "every attacked class in the training split",
                "embed the real images of the data set that was attacked",
            )
        yield fake, own
