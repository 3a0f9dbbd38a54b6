"""Label smoothing of any sign: the loss (paper 2.2, Appendix A)."""

import torch.nn.functional as F
from torch import Tensor


def smoothed_cross_entropy(logits: Tensor, labels: Tensor, alpha: float) -> Tensor:
    """Mean over the batch of (1 - alpha) * (-log p_y) + (alpha / C) * sum_k (-log p_k).

    Its gradient with respect to logit k is p_k - y_k^LS with y^LS = (1 - alpha) y + alpha / C.

    Args:
        logits: [N, C].
        labels: [N], int64 in [0, C).
        alpha: smoothing factor in (-inf, 1]; 0 is the hard label.

    Returns:
        The 0-d loss; for alpha < 0 it has no lower bound.

    Source: paper Eq. (11) in Eq. (3). Written out because PyTorch's ``cross_entropy`` silently
    ignores a negative ``label_smoothing`` (quirk ignored-smoothing).
    """
    logarithms = F.log_softmax(logits, dim=1)
    hard = F.nll_loss(logarithms, labels)
    if alpha == 0:
        return hard
    return (1 - alpha) * hard - alpha * logarithms.mean()
