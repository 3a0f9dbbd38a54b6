"""Calibration error of a classifier (paper Appendix C)."""

import torch
from torch import Tensor


def calibration_error(probabilities: Tensor, labels: Tensor, bins: int = 10) -> float:
    """l2 calibration error: sqrt(sum_b (n_b / n) (acc_b - conf_b)^2).

    Args:
        probabilities: [N, K], rows sum to 1.
        labels: [N], int64 in [0, K).
        bins: equal bins of the top-1 confidence on [0, 1], lower edge inclusive. A confidence of
            exactly 1.0 has a slot of its own, as in torchmetrics; it matters for negative
            smoothing, where the float32 softmax saturates.

    Returns:
        A value in [0, 1]; empty bins count 0, no debiasing.

    Source: paper Appendix C (10 bins, l2). torchmetrics is the reference (quirk
    full-confidence); the sums here are float64. l2 is never below the l1 of the literature.
    """
    confidence, guess = probabilities.max(dim=1)
    # Edges in the confidences' own precision: a float32 0.9 lies in the bin that starts at 0.9.
    edges = torch.linspace(0, 1, bins + 1, dtype=confidence.dtype, device=confidence.device)
    slot = torch.bucketize(confidence, edges, right=True) - 1
    gap = (guess == labels).double() - confidence.double()
    # n_b / n * (sum_b gap / n_b)^2 = (sum_b gap)^2 / (n * n_b)
    sums = torch.zeros(bins + 1, dtype=torch.float64, device=gap.device).index_add_(0, slot, gap)
    counts = torch.bincount(slot, minlength=bins + 1).clamp(min=1)
    return float((sums.square() / counts).sum().div(len(labels)).sqrt())
