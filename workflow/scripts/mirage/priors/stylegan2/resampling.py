"""Changing the size of features and images with StyleGAN2's binomial low-pass filter."""

from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from mirage.numerics import full_precision
from mirage.priors.stylegan2 import layers
from mirage.priors.stylegan2.layers import Convolve
from mirage.priors.stylegan2.regions import Interval, Window


@lru_cache(maxsize=64)
def fir_kernel(gain: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    """The filter outer([1, 3, 3, 1]) / 64, times ``gain``: [1, 1, 4, 4]."""
    # Kept beyond the caller's inference mode, so it must not be an inference tensor.
    with torch.inference_mode(False):
        taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=dtype, device=device)
        return (torch.outer(taps, taps) * (gain / 64))[None, None]


def filter_fir(
    x: Tensor, gain: float, padding: int | tuple[int, int], stride: int = 1,
    convolution: Convolve = layers.convolution,
) -> Tensor:  # fmt: skip
    """Low-pass filter each channel of [N, C, h, w], with zero padding, keeping every stride-th."""
    channels = x.shape[1]
    kernel = fir_kernel(gain, x.dtype, x.device).expand(channels, 1, 4, 4)
    sides = (padding, padding) if isinstance(padding, int) else padding
    return convolution(x, kernel, stride, sides, channels, False)


def upsampling_convolution(
    x: Tensor, weight: Tensor, held: Window, wanted: Window,
    convolution: Convolve = layers.convolution,
) -> Tensor:  # fmt: skip
    """Transposed 3x3 convolution of stride 2 and FIR filter of gain 4.

    Args:
        x: [N, Ci, h, w], covering ``held``.
        weight: [C, Ci, 3, 3], not flipped.
        held: window of x.
        wanted: window of the result, at twice the resolution.
        convolution: computes both.

    Returns:
        [N, C, *wanted.shape].
    """
    cuts = _cuts(held, wanted)
    x = convolution(x, weight.transpose(0, 1), 2, cuts, 1, True)
    (top, bottom), (left, right) = (
        (before - cut, behind - cut)
        for (before, behind), cut in zip(_beyond(held, wanted), cuts, strict=True)
    )
    # On one CPU core the depthwise filter beat separable, sliced, pooled, matrix and polyphase
    # forms of the same sum at the demo's sizes, and contiguous beat channels-last features.
    sides = -top, -left
    if top != bottom or left != right:
        x, sides = F.pad(x, (-left, -right, -top, -bottom)), (0, 0)
    return filter_fir(x, 4.0, sides, convolution=convolution)


def transposed_shape(held: Window, wanted: Window) -> tuple[int, int]:
    """Height and width between that convolution and the filter."""
    (height, width), (top, left) = held.shape, _cuts(held, wanted)
    return 2 * (height - top) + 1, 2 * (width - left) + 1


def _cuts(held: Window, wanted: Window) -> tuple[int, int]:
    """Padding of the transposed convolution, by which it leaves out what nobody wants.

    A slice would be two more passes over the features, most of all backwards. Padding cuts both
    ends alike.
    """
    top, left = (max(min(pair), 0) for pair in _beyond(held, wanted))
    return top, left


def _beyond(held: Window, wanted: Window) -> list[tuple[int, int]]:
    """Of rows and columns, pixels of the whole convolution before and behind what is filtered.

    It makes [2 start, 2 stop + 1), and the filter reads [start - 1, stop + 2) of its own result's
    interval. Negative: so many are missing, and are zeros beyond the image's border.
    """
    return [
        (want.start - 1 - 2 * had.start, 2 * had.stop - 1 - want.stop)
        for had, want in zip(held, wanted, strict=True)
    ]


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
