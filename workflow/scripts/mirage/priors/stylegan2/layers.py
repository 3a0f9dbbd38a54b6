"""Building blocks of StyleGAN2: equalised layers and the parts of the modulated convolution.

Source: Karras et al., "Analyzing and Improving the Image Quality of StyleGAN" (CVPR 2020), with the
constants of the official PyTorch code, so that published weights give the published images.
"""

import math
from collections.abc import Sequence

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
        self,
        inputs: int,
        outputs: int,
        draws: torch.Generator,
        *,
        activate: bool = False,
        lr_multiplier: float = 1.0,
        bias: float = 0.0,
    ) -> None:
        """Draw the weights.

        Args:
            inputs: features in.
            outputs: features out.
            draws: stream of the initial weights, N(0, 1) / lr_multiplier.
            activate: apply leaky ReLU and the gain.
            lr_multiplier: scales weight and bias at run time, hence their learning rate.
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


def convolution(x: Tensor, weight: Tensor, padding: Sequence[int] = (1, 1, 1, 1)) -> Tensor:
    """3x3 correlation of [N, Ci, h, w] with zero padding (left, right, top, bottom)."""
    left, right, top, bottom = padding
    if left == right and top == bottom:
        return F.conv2d(x, weight, padding=(top, left))
    return F.conv2d(F.pad(x, (left, right, top, bottom)), weight)


def demodulation(weight: Tensor, style: Tensor) -> Tensor:
    """Scale of each output channel that undoes the style's effect on its size: [N, C].

    Args:
        weight: [C, Ci, 3, 3].
        style: [N, Ci].
    """
    return torch.rsqrt(style.square() @ weight.square().sum((2, 3)).t() + 1e-8)


def clamped(x: Tensor, bound: float | None) -> Tensor:
    """Clamp to [-bound, bound], or nothing when the bound is None."""
    return x if bound is None else x.clamp(-bound, bound)
