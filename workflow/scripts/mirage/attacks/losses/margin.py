"""The margin loss."""

import torch
from torch import Tensor


def loss(logits: Tensor, targets: Tensor) -> Tensor:
    """How far the attacked class is behind the strongest other one, per row, [N].

    max over k != y of z_k, less z_y (Carlini & Wagner 2017, arXiv 1608.04644, without their
    bound). It never saturates. The mean over rows is PLG-MI's max-margin loss L_mm (Yuan et al.,
    AAAI 2023), of its attack and of its prior's training alike. For PPA it is not among the
    paper's variants; its Section 5 suggests attacks that look at the distance to the decision
    boundary.
    """
    own = logits.gather(1, targets[:, None])
    others = logits.scatter(1, targets[:, None], -torch.inf)
    return (others.amax(dim=1, keepdim=True) - own).squeeze(1)
