"""Precision, recall, density and coverage of generated features.

Precision and recall after Kynkäänniemi et al. (NeurIPS 2019), density and coverage after Naeem et
al. (ICML 2020), with the k = 3 of the official attack code, which computes something else (quirk
broken-prdc); the paper reports none of the four. These are the standard definitions.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mirage.evaluation.distances import squared_distances

NEIGHBOURS = 3


class Prdc(NamedTuple):
    """Shares in [0, 1], but ``density``, which may exceed 1.

    Attributes:
        precision: fake images inside the ball of some real one.
        recall: real images inside the ball of some fake one.
        density: balls of real images around a fake one, divided by k.
        coverage: real images with a fake one inside their ball.
    """

    precision: float
    recall: float
    density: float
    coverage: float


def prdc(
    real: NDArray[Any],
    fake: NDArray[Any],
    real_radii: NDArray[np.float64],
    k: int = NEIGHBOURS,
) -> Prdc:
    """Compare the two sets of features of one class.

    Args:
        real: [n, D], n at least 2.
        fake: [m, D], m at least 2.
        real_radii: what ``radii`` says of the real ones, [n].
        k: neighbours.

    Raises:
        ValueError: the fake set has fewer than two images.
    """
    squares = squared_distances(real, fake)  # [n, m]
    in_real_ball = squares < real_radii[:, None]
    in_fake_ball = squares < radii(fake, k)
    return Prdc(
        precision=float(in_real_ball.any(axis=0).mean()),
        recall=float(in_fake_ball.any(axis=1).mean()),
        density=float(in_real_ball.sum(axis=0).mean() / _reach(real, k)),
        coverage=float(in_real_ball.any(axis=1).mean()),
    )


def radii(features: NDArray[Any], k: int = NEIGHBOURS) -> NDArray[np.float64]:
    """Squared radii of the balls around the images of one set of one class.

    Balls reach to the k-th nearest neighbour of the centre in its own set and are open. A set of
    k or fewer images has no such neighbour: the farthest one is taken (demo scale keeps 3 images).

    Args:
        features: [n, D], n at least 2.
        k: neighbours.

    Returns:
        [n].

    Raises:
        ValueError: fewer than two images.
    """
    if len(features) < 2:
        raise ValueError("a set of fewer than two images has no neighbours")
    reach = _reach(features, k)
    squares = squared_distances(features, features)
    np.fill_diagonal(squares, 0.0)  # so that position 0 is the image itself, whatever the rounding
    return np.partition(squares, reach, axis=1)[:, reach]


def _reach(features: NDArray[Any], k: int) -> int:
    """Neighbours that the balls of a set really reach."""
    return min(k, len(features) - 1)
