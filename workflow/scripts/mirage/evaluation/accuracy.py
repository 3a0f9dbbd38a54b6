"""Attack accuracy: how often the evaluation network sees the attacked identity."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray


class Accuracy(NamedTuple):
    """Top-k accuracy of an attack, every value in [0, 1].

    Attributes:
        rank_std: population standard deviation over ranks r of acc_r, the accuracy over all
            classes of the r-th best image. Best reading of the "+-" in Tables 2 and 3 (quirk
            rank-spread).
        class_std: population standard deviation over classes.
        per_class: [K], float64.
    """

    rank_std: float
    class_std: float
    per_class: NDArray[np.float64]


def top_k_accuracy(logits: NDArray[Any], classes: NDArray[np.int64], k: int) -> Accuracy:
    """Share of attack images whose attacked class is among the k highest logits.

    Args:
        logits: evaluation-network scores, [K, m, N]; images of a class in order of selection score.
        classes: the K attacked classes, indices into the last axis.
        k: how many guesses count; at most N are there to be made.

    Returns:
        Of equal logits the lower index ranks higher, as argmax has it.

    Source: paper §4.1; official code: classification accuracy of the Inception evaluator.
    """
    hits = (position_of_class(logits, classes) < k).astype(np.float64)  # [K, m]
    per_class = hits.mean(axis=1)
    return Accuracy(
        rank_std=float(hits.mean(axis=0).std()),
        class_std=float(per_class.std()),
        per_class=per_class,
    )


def position_of_class(logits: NDArray[Any], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of the attacked class among the sorted logits, 0 for the highest.

    Args:
        logits: [K, m, N].
        classes: the K attacked classes.

    Returns:
        [K, m], int64; last, where the class's own logit is no finite number.
    """
    columns = classes[:, None, None]
    own = np.take_along_axis(logits, columns, axis=2)  # [K, m, 1]
    earlier = np.arange(logits.shape[2]) < columns  # [K, 1, N]
    ahead: NDArray[np.bool_] = (logits > own) | ((logits == own) & earlier) | ~np.isfinite(own)
    positions: NDArray[np.int64] = ahead.sum(axis=2, dtype=np.int64)
    return positions
