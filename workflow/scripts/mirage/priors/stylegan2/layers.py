"""Building blocks of StyleGAN2's networks.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR 2020), with the
constants of the official PyTorch code, so that published weights give the published images.
Initial weights come from the stream that every layer and block takes as ``draws``, from N(0, 1).
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

SLOPE = 0.2
"""Negative slope of every leaky ReLU."""

INDEXABLE = 2**31 - 1
"""Elements of one tensor that kernels with 32-bit indices (cuDNN's among them) can reach."""


class FullyConnected(nn.Module):
    """Linear layer with equalised learning rate, optionally with leaky ReLU and gain sqrt(2)."""

    def __init__(
        self, inputs: int, outputs: int, draws: torch.Generator, activate: bool = False,
        lr_multiplier: float = 1.0, bias: float = 0.0,
    ) -> None:  # fmt: skip
        """Make one layer.

        Args:
            inputs: features in.
            outputs: features out.
            draws: stream of the initial weights.
            activate: apply leaky ReLU and the gain.
            lr_multiplier: scales weight and bias at run time, hence their learning rate; the
                initial weights are as much larger.
            bias: initial value of every bias at run time.
        """
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, generator=draws) / lr_multiplier)
        self.bias = nn.Parameter(torch.full((outputs,), bias / lr_multiplier))
        self.weight_gain = lr_multiplier / math.sqrt(inputs)
        self.bias_gain = lr_multiplier
        self.activate = activate

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, inputs] to [N, outputs]."""
        y = torch.addmm(self.bias, x, self.weight.t(), beta=self.bias_gain, alpha=self.weight_gain)
        return F.leaky_relu(y, SLOPE) * math.sqrt(2) if self.activate else y


Convolve = Callable[[Tensor, Tensor, int, tuple[int, int], int, bool], Tensor]


def convolution(
    x: Tensor, weight: Tensor, stride: int, padding: tuple[int, int], groups: int, transposed: bool
) -> Tensor:
    """A 2-D convolution of features, a transposed one where asked; ``frozen`` has another."""
    convolve = F.conv_transpose2d if transposed else F.conv2d
    return convolve(x, weight, stride=stride, padding=padding, groups=groups)


def clamped(x: Tensor, bound: float | None) -> Tensor:
    """Clamp to [-bound, bound], or nothing when the bound is None."""
    return x if bound is None else x.clamp(-bound, bound)
