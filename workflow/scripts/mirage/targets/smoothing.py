"""Label smoothing of any sign: loss and schedule (paper 2.2, Appendix A)."""

import torch.nn.functional as F
from torch import Tensor

from mirage.targets.recipe import Ramp


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, alpha: float) -> Tensor:
    """Mean over the batch of (1 - alpha) * (-log p_y) + (alpha / C) * sum_k (-log p_k).

    Its gradient with respect to logit k is p_k - y_k^LS with y^LS = (1 - alpha) y + alpha / C.

    Args:
        logits: [N, C].
        labels: [N], int64 in [0, C).
        alpha: smoothing factor in (-inf, 1]; 0 is the hard label.

    Returns:
        The 0-d loss; for alpha < 0 it has no lower bound.

    Raises:
        ValueError: alpha is above 1.

    Source: paper Eq. (11) in Eq. (3). Written out because PyTorch's ``cross_entropy`` silently
    ignores a negative ``label_smoothing`` (quirk ignored-smoothing).
    """
    if alpha > 1:
        raise ValueError(f"smoothing factor {alpha} is above 1")
    logarithms = F.log_softmax(logits, dim=1)
    hard = F.nll_loss(logarithms, labels)
    if alpha == 0:
        return hard
    return (1 - alpha) * hard - alpha * logarithms.mean()


def smoothing_at(alpha: float, epoch: int, epochs: int, ramp: Ramp) -> float:
    """Smoothing factor in force during one epoch.

    Args:
        alpha: final factor; 0 and positive ones are constant whatever the ramp.
        epoch: counted from 0.
        epochs: number of epochs E.
        ramp: ``published``: 0 in the first half, then alpha * (e - E/2 + 1) / (E/2), and from
            three quarters on all of alpha. For E = 100 that is the official code's
            alpha * (e - 49) / 50, with its jump from alpha / 2 to alpha at epoch 75.
            ``corrected``: the same with E/4 below the line, so that the ramp arrives at alpha
            without a jump. ``constant``: alpha from the start.

    Source: official code's schedule (quirks ramp-jump, late-ramp); other E than 100 are our
    generalisation.
    """
    half = epochs / 2
    if alpha >= 0 or ramp == "constant" or epoch >= 1.5 * half:
        return alpha
    if epoch < half:
        return 0.0
    length = half if ramp == "published" else half / 2
    return alpha * min((epoch - half + 1) / length, 1.0)
