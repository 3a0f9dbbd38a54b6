"""Layers without weights of their own making: ``initialise`` fills them from an explicit stream."""

import math

import torch
from torch import nn


class Unfilled:
    """Part of a layer that leaves its weights empty."""

    def reset_parameters(self) -> None:
        """Draw nothing: PyTorch would use the global random state here."""


class UnfilledLinear(Unfilled, nn.Linear):
    """Linear layer."""


class UnfilledConvolution(Unfilled, nn.Conv2d):
    """Convolution."""


class UnfilledDeconvolution(Unfilled, nn.ConvTranspose2d):
    """Transposed convolution."""


def initialise(module: nn.Module, stream: torch.Generator) -> None:
    """Fill the unfilled layers of a module as PyTorch would: uniform within 1 / sqrt(fan-in).

    The fan-in of a transposed convolution is counted as PyTorch does, by its outputs.
    """
    for layer in module.modules():
        if isinstance(layer, UnfilledLinear | UnfilledConvolution | UnfilledDeconvolution):
            bound = 1 / math.sqrt(layer.weight[0].numel())
            nn.init.uniform_(layer.weight, -bound, bound, generator=stream)
            if layer.bias is not None:
                nn.init.uniform_(layer.bias, -bound, bound, generator=stream)
