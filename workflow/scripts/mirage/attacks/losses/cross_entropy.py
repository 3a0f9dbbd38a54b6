"""Cross entropy."""

from torch import Tensor
from torch.nn import functional as F


def loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Cross entropy of raw logits per row, [N] (paper B.4 and Fig. 7, C.7)."""
    return F.cross_entropy(logits, targets, reduction="none")
