"""Attack accuracy: how often the evaluation network sees the attacked identity."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def position_of_class(logits: NDArray[Any], classes: NDArray[np.int64]) -> NDArray[np.int64]:
    """Place of the attacked class among the sorted logits, 0 for the highest: Acc@k counts < k.

    Args:
        logits: evaluation-network scores, [K, m, N]; images of a class in order of selection score.
        classes: the K attacked classes, indices into the last axis.

    Returns:
        [K, m], int64. Of equal logits the lower index ranks higher, as argmax has it; a class
        whose own logit is no finite number ranks last.

    Source: paper §4.1; official code: classification accuracy of the Inception evaluator.
    """
    columns = classes[:, None, None]
    own = np.take_along_axis(logits, columns, axis=2)  # [K, m, 1]
    earlier = np.arange(logits.shape[2]) < columns  # [K, 1, N]
    ahead: NDArray[np.bool_] = (logits > own) | ((logits == own) & earlier) | ~np.isfinite(own)
    positions: NDArray[np.int64] = ahead.sum(axis=2, dtype=np.int64)
    return positions
