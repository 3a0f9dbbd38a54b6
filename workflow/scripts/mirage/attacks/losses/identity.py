"""The identity loss."""

from torch import Tensor


def loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Negative logit of the attacked class per row, [N] (LOMMA's identity loss, paper C.7)."""
    return -logits.gather(1, targets[:, None]).squeeze(1)
