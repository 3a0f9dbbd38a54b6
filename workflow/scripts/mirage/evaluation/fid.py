"""Fréchet distance between two sets of features (Heusel et al., NeurIPS 2017)."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mirage.errors import MirageError


class Gaussian(NamedTuple):
    """Mean and covariance of a set, the covariance as a factor R with RᵀR = Σ.

    Attributes:
        mean: [D], float64.
        factor: [min(n, D), D], float64.
    """

    mean: NDArray[np.float64]
    factor: NDArray[np.float64]


BLOCK = 4096
"""Rows that are made float64 and factorised at a time."""


def fit_gaussian(features: NDArray[Any], block: int = BLOCK) -> Gaussian:
    """Mean and covariance (denominator n - 1) of features [n, D].

    Rows enter the factor in blocks: that of the rows so far and the next block is the factor of
    all of them, and nothing is squared, so no digit of a small variance is lost.

    Args:
        features: [n, D].
        block: rows taken together.

    Raises:
        MirageError: fewer than two rows.
    """
    count, dimensions = features.shape
    if count < 2:
        raise MirageError(f"FID of {count} image", "at least 2 images on either side")
    mean = features.mean(axis=0, dtype=np.float64)
    factor = np.empty((0, dimensions))
    for first in range(0, count, block):
        centred = features[first : first + block].astype(np.float64) - mean
        factor = np.concatenate([factor, centred / np.sqrt(count - 1)])
        if len(factor) > dimensions:
            factor = np.asarray(np.linalg.qr(factor, mode="r"))
    return Gaussian(mean, factor)


def frechet_distance(a: Gaussian, b: Gaussian) -> float:
    """|μ_a - μ_b|² + tr(Σ_a + Σ_b - 2 (Σ_a Σ_b)^½).

    The last trace is the sum of the singular values of R_a R_bᵀ: the eigenvalues of Σ_a Σ_b are
    their squares. Nothing is inverted and no root of a rounding error is taken, so singular
    covariances (fewer images than dimensions) need no regularisation, where the usual matrix
    square root adds noise to the diagonal.

    Args:
        a: one set.
        b: the other; the order does not matter.

    Returns:
        The distance, squared by convention and at least 0.
    """
    offset = np.sum((a.mean - b.mean) ** 2)
    spread = np.sum(a.factor**2) + np.sum(b.factor**2)
    shared = np.linalg.svd(a.factor @ b.factor.T, compute_uv=False).sum()
    return max(float(offset + spread - 2 * shared), 0.0)
