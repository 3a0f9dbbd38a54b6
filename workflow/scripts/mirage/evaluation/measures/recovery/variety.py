"""How different the images of one class are."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirage.evaluation.distances import squared_distances


def variety(classes: Iterable[NDArray[Any]]) -> float | None:
    """Mean distance of two images of a class in feature space, each class counting alike.

    Args:
        classes: features of the images of each class, [n, D]; those of fewer than two do not count.

    Returns:
        The mean l2 distance of all pairs; None where no class has two images. Ours: the paper says
        of Figure 11 that samples vary little.
    """
    means = []
    for features in classes:
        count = len(features)
        if count > 1:
            pairs = np.triu_indices(count, k=1)
            means.append(np.sqrt(squared_distances(features, features)[pairs]).mean())
    return float(np.mean(means)) if means else None
