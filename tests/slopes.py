"""Derivatives of a loss along a random direction, by autograd and by central differences."""

import torch


def slope(loss, parameters):
    """The derivative both ways, of float64 parameters, which end where they were but one step."""
    draws = torch.Generator().manual_seed(5)
    directions = [torch.randn(p.shape, generator=draws, dtype=p.dtype) for p in parameters]
    gradients = torch.autograd.grad(loss(), parameters, materialize_grads=True)
    exact = sum((g * d).sum() for g, d in zip(gradients, directions, strict=True))
    step, values = 1e-6, []
    for sign in (1, -2):
        for parameter, direction in zip(parameters, directions, strict=True):
            parameter.data.add_(direction, alpha=sign * step)
        values.append(loss().detach())
    return exact, (values[0] - values[1]) / (2 * step)
