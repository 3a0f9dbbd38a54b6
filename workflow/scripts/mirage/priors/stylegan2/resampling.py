"""Changing the size of features and images with StyleGAN2's binomial low-pass filter."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from mirage.numerics import full_precision
from mirage.priors.stylegan2.regions import Interval, Window


@lru_cache(maxsize=64)
def fir_kernel(gain: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The filter outer([1, 3, 3, 1]) / 64, times ``gain``: [1, 1, 4, 4]."""
    # Kept beyond the caller's inference mode, so it must not be an inference tensor.
    with torch.inference_mode(False):
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=dtype, device=device)
        return (torch.outer(taps, taps) * (gain / 64))[None, None]


def filter_fir(x: Tensor, gain: float, padding: int, stride: int = 1) -> Tensor:
    """Low-pass filter each channel of [N, C, h, w], with zero padding, keeping every stride-th."""
    channels = x.shape[1]
    kernel = fir_kernel(gain, x.dtype, x.device).expand(channels, 1, 4, 4)
    return F.conv2d(x, kernel, stride=stride, padding=padding, groups=channels)


def upsampling_convolution(x: Tensor, weight: Tensor) -> Tensor:
    """Transposed 3x3 convolution of stride 2 and FIR filter of gain 4: [N, C, 2h, 2w].

    Args:
        x: [N, Ci, h, w].
        weight: [C, Ci, 3, 3], not flipped.
    """
    # On one CPU core the depthwise filter beat separable, sliced, pooled, matrix and polyphase
    # forms of the same sum at the demo's sizes, and contiguous beat channels-last features.
    return filter_fir(F.conv_transpose2d(x, weight.transpose(0, 1), stride=2), 4.0, padding=1)


def upsample_image(image: Tensor, held: Window, wanted: Window) -> Tensor:
    """Double an image: zero insertion and FIR filter of gain 4.

    The sum is separable, so it is one small matrix per axis: on the CPU a tenth of the time of a
    transposed convolution, and a region costs no extra cut.

    Args:
        image: [N, C, h, w], covering ``held``.
        held: window of the image.
        wanted: window of the result, at twice the resolution.

    Returns:
        [N, C, *wanted.shape].
    """
    rows, columns = (
        _doubling(*pair, image.dtype, image.device) for pair in zip(held, wanted, strict=True)
    )
    with full_precision(image):
        return rows @ image @ columns.t()


@lru_cache(maxsize=256)
def _doubling(held: Interval, wanted: Interval, dtype: torch.dtype, device: torch.device) -> Tensor:
    """out[2q] = x[q-1]/4 + 3x[q]/4 and out[2q+1] = 3x[q]/4 + x[q+1]/4 as [wanted, held]."""
    with torch.inference_mode(False):
        out = torch.arange(wanted.start, wanted.stop, device=device)[:, None]
        source = torch.arange(held.start, held.stop, device=device)[None, :]
        nearest = out // 2
        second = nearest - 1 + 2 * (out % 2)
        return (0.75 * (source == nearest) + 0.25 * (source == second)).to(dtype)
