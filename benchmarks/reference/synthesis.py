"""StyleGAN2 synthesis as published: every sample has its own weights, run as one grouped conv.

Whole images at the weights' precision, as StyleGAN2-ADA (PyTorch) makes them in eval mode where its
plugins are not compiled, as on every CPU: ``fused_modconv``, so that autograd computes gradients of
every sample's weights; the filter by insertion of zeros, padding and a depthwise convolution, with
the copies that padding by nothing makes; noise and skip image added in place; bias, leaky ReLU,
gain and clamp one after the other.
"""

import math
from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

Weights = Mapping[str, Tensor]


def synthesise(p: Weights, ws: Tensor, image_px: int, clamp: float | None) -> Tensor:
    """Whole images [N, C, image_px, image_px] from ws [N, num_ws, w_dim] and a state dict."""
    x = p["synthesis.b4.const"].expand(len(ws), -1, -1, -1)
    x = _layer(p, "synthesis.b4.conv1", x, ws[:, 0], False, clamp)
    image = _to_rgb(p, "synthesis.b4.torgb", x, ws[:, 1], clamp)
    resolution, index = 8, 1
    while resolution <= image_px:
        block = f"synthesis.b{resolution}"
        x = _layer(p, f"{block}.conv0", x, ws[:, index], True, clamp)
        x = _layer(p, f"{block}.conv1", x, ws[:, index + 1], False, clamp)
        image = _fir(image, 2, (2, 1)).add_(
            _to_rgb(p, f"{block}.torgb", x, ws[:, index + 2], clamp)
        )
        resolution, index = 2 * resolution, index + 2
    return image


def _style(p: Weights, name: str, w: Tensor) -> Tensor:
    weight = p[f"{name}.affine.weight"] / math.sqrt(w.shape[1])
    return F.linear(w, weight, p[f"{name}.affine.bias"])


def _layer(p: Weights, name: str, x: Tensor, w: Tensor, up: bool, clamp: float | None) -> Tensor:
    style = _style(p, name, w)
    weight = p[f"{name}.weight"][None] * style[:, None, :, None, None]  # [N, C, Ci, 3, 3]
    weight = weight * (weight.square().sum((2, 3, 4), keepdim=True) + 1e-8).rsqrt()
    x = _grouped(x, weight, up)
    x = _fir(x, 1, (1, 1)) if up else x
    x = x.add_(p[f"{name}.noise_const"] * p[f"{name}.noise_strength"])
    x = F.leaky_relu(x + p[f"{name}.bias"][:, None, None], 0.2) * math.sqrt(2)
    return x if clamp is None else x.clamp(-clamp, clamp)


def _to_rgb(p: Weights, name: str, x: Tensor, w: Tensor, clamp: float | None) -> Tensor:
    style = _style(p, name, w) / math.sqrt(x.shape[1])
    weight = p[f"{name}.weight"][None] * style[:, None, :, None, None]
    image = _grouped(x, weight, False) + p[f"{name}.bias"][:, None, None]
    return image if clamp is None else image.clamp(-clamp, clamp)


def _grouped(x: Tensor, weight: Tensor, up: bool) -> Tensor:
    """Convolve sample n of [N, Ci, h, w] with weight n of [N, C, Ci, k, k]."""
    count = len(x)
    joined = x.reshape(1, -1, *x.shape[2:])
    if up:
        turned = weight.transpose(1, 2).flatten(0, 1)  # [N * Ci, C, 3, 3]
        y = F.conv_transpose2d(joined, turned, stride=2, groups=count)
    else:
        padding = weight.shape[-1] // 2
        y = F.conv2d(joined, weight.flatten(0, 1), padding=padding, groups=count)
    return y.reshape(count, -1, *y.shape[2:])


def _fir(x: Tensor, up: int, padding: tuple[int, int]) -> Tensor:
    """Insert up - 1 zeros behind every pixel, pad, filter with a gain of 4."""
    count, channels, height, width = x.shape
    x = x.reshape(count, channels, height, 1, width, 1)
    x = F.pad(x, (0, up - 1, 0, 0, 0, up - 1))  # a copy, also where up is 1
    x = F.pad(x.reshape(count, channels, up * height, up * width), padding + padding)
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=x.dtype)
    kernel = (torch.outer(taps, taps) / 16).repeat(channels, 1, 1, 1)
    return F.conv2d(x, kernel, groups=channels)
