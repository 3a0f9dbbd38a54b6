"""The Poincaré loss."""

import torch
from torch import Tensor

_TARGET = 0.9999
"""Coordinate of the attacked class in the Poincaré ball (paper B.4); 1 would lie on its rim."""


def loss(logits: Tensor, targets: Tensor) -> Tensor:
    """Hyperbolic distance between the normalised logits and the attacked class.

    Args:
        logits: scores before softmax, [N, K]; a row of zeros gives NaN, as in the paper.
        targets: attacked class of each row, int64 [N].

    Returns:
        d(u, v) = arcosh(1 + 2 |u - v|^2 / ((1 - |u|^2) (1 - |v|^2))) per row, [N], with
        u = o / |o|_1 and v = 0.9999 at the attacked class, 0 elsewhere.

    Source: paper B.4, Eq. 16. Deviation: 1 - |v|^2 is a float64 constant (quirk rounded-rim), far
    from the optimum a shift of the loss by a constant.
    """
    u = logits / logits.abs().sum(dim=1, keepdim=True)
    away = torch.full_like(u[:, :1], -_TARGET)
    gap = u.scatter_add(1, targets[:, None], away).square().sum(dim=1)
    room = (1 - u.square().sum(dim=1)) * (1 - _TARGET**2)
    return torch.acosh(1 + 2 * gap / room)
