"""Building blocks of StyleGAN2: equalised layers, FIR resampling, modulated convolution.

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


def fir_kernel(like: Tensor, gain: float) -> Tensor:
    """The 4x4 binomial low-pass filter outer([1, 3, 3, 1]) / 64, times ``gain``: [4, 4]."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=like.dtype, device=like.device)
    return torch.outer(taps, taps) * (gain / 64)


def filter_fir(x: Tensor, gain: float, padding: int, stride: int = 1) -> Tensor:
    """Low-pass filter each channel of [N, C, h, w], with zero padding, keeping every stride-th."""
    kernel = fir_kernel(x, gain).expand(x.shape[1], 1, 4, 4)
    return F.conv2d(x, kernel, stride=stride, padding=padding, groups=x.shape[1])


def upsample_skip(image: Tensor) -> Tensor:
    """Double [N, C, h, w]: zero insertion and FIR filter of gain 4, in one transposed convolution.

    Per axis out[2q] = x[q-1]/4 + 3x[q]/4 and out[2q+1] = 3x[q]/4 + x[q+1]/4.
    """
    channels = image.shape[1]
    kernel = fir_kernel(image, 4.0).expand(channels, 1, 4, 4)
    return F.conv_transpose2d(image, kernel, stride=2, padding=1, groups=channels)


def upsampling_convolution(x: Tensor, weight: Tensor) -> Tensor:
    """Transposed 3x3 convolution of stride 2 and FIR filter of gain 4: [N, C, 2h, 2w].

    Args:
        x: [N, Ci, h, w].
        weight: [C, Ci, 3, 3], not flipped.
    """
    # On one CPU core the depthwise filter beat separable, sliced, pooled, matrix and polyphase
    # forms of the same sum at the demo's sizes (about 1.5 times the next best, both passes).
    return filter_fir(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), gain=4.0, padding=1)


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
