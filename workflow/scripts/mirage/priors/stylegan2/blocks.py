"""Layers and blocks of the synthesis network.

The modulated convolution is computed in its scaled form: scale the input channels by the style,
convolve with the shared weight, scale the output channels by the demodulation. That is the same
function as convolving every sample with its own weight (the official default), but it runs as one
dense convolution and, with frozen weights, its backward pass computes no weight gradients.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mirage.numerics import full_precision
from mirage.priors.shapes import GeneratorConfig
from mirage.priors.stylegan2 import frozen, layers, resampling
from mirage.priors.stylegan2.layers import Convolve, FullyConnected
from mirage.priors.stylegan2.regions import Level, Window, cut

GAIN = math.sqrt(2)
"""Gain of every leaky ReLU."""


class SynthesisLayer(nn.Module):
    """Modulated 3x3 convolution, noise, bias, leaky ReLU; ``up`` doubles the size first."""

    noise_const: Tensor

    def __init__(
        self, inputs: int, outputs: int, w_dim: int, resolution: int, up: bool,
        clamp: float | None, draws: torch.Generator,
    ) -> None:  # fmt: skip
        super().__init__()
        self.affine = FullyConnected(w_dim, inputs, draws, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 3, 3, generator=draws))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.noise_strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise_const", torch.randn(resolution, resolution, generator=draws))
        self.up = up
        self.clamp = clamp

    def forward(
        self, x: Tensor, w: Tensor, held: Window, wanted: Window, noise: torch.Generator | None
    ) -> Tensor:
        """Compute the wanted window of the layer's output.

        Args:
            x: [N, inputs, h, w], covering ``held`` at this layer's input resolution.
            w: [N, w_dim].
            held: window of x.
            wanted: window of the output.
            noise: stream of fresh noise for every image; None for the constant map.

        Returns:
            [N, outputs, *wanted.shape].
        """
        with full_precision(w):
            style = self.affine(w)
            # The gain is moved before the leaky ReLU, which is homogeneous: gain * lrelu(x d + o)
            # = lrelu(x (gain d) + gain o). That and working in place save passes over the features.
            scale = self._demodulation(style) * GAIN
            offset = (self._noise(w, wanted, noise) + self.bias[:, None, None]) * GAIN
        x = self.convolve(x * style.to(x.dtype)[:, :, None, None], held, wanted)
        x = (x * scale.to(x.dtype)[:, :, None, None]).add_(offset.to(x.dtype))
        x = F.leaky_relu(x, layers.SLOPE, inplace=True)
        return layers.clamped(x, self.clamp)

    def convolve(
        self, x: Tensor, held: Window, wanted: Window,
        convolution: Convolve = layers.convolution,
    ) -> Tensor:  # fmt: skip
        """The convolution alone, of features that have their style."""
        convolve = resampling.upsampling_convolution if self.up else _convolution
        return convolve(x, self.weight, held, wanted, convolution)

    def epilogue(self, style: Tensor, wanted: Window) -> frozen.Epilogue:
        """What follows the convolution, with the constant noise, where nothing is trained."""
        with full_precision(style):
            field = self._noise(style, wanted, None) * GAIN
            return frozen.Epilogue(
                self._demodulation(style) * GAIN, field, self.bias * GAIN, self.clamp
            )

    def _demodulation(self, style: Tensor) -> Tensor:
        energy = style.square() @ self.weight.square().sum((2, 3)).t()  # [N, outputs]
        return torch.rsqrt(energy + 1e-8)

    def _noise(self, w: Tensor, wanted: Window, noise: torch.Generator | None) -> Tensor:
        if noise is None:
            field = cut(self.noise_const, Window.whole(len(self.noise_const)), wanted)
        else:
            field = torch.randn(len(w), 1, *wanted.shape, generator=noise).to(w)
        return field * self.noise_strength


def _convolution(
    x: Tensor, weight: Tensor, held: Window, wanted: Window, convolution: Convolve
) -> Tensor:
    """3x3 correlation with one row of zeros at the image border, none inside."""
    (top, bottom), (left, right) = (
        (had.start - want.start + 1, want.stop + 1 - had.stop)
        for had, want in zip(held, wanted, strict=True)
    )
    if left == right and top == bottom:
        return convolution(x, weight, 1, (top, left), 1, False)
    return convolution(F.pad(x, (left, right, top, bottom)), weight, 1, (0, 0), 1, False)


class ToRgb(nn.Module):
    """Modulated 1x1 convolution to image channels, without demodulation or activation."""

    def __init__(
        self, inputs: int, outputs: int, w_dim: int, clamp: float | None, draws: torch.Generator
    ) -> None:
        super().__init__()
        self.affine = FullyConnected(w_dim, inputs, draws, bias=1.0)
        self.weight = nn.Parameter(torch.randn(outputs, inputs, 1, 1, generator=draws))
        self.bias = nn.Parameter(torch.zeros(outputs))
        self.gain = 1 / math.sqrt(inputs)
        self.clamp = clamp

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        """Map features [N, inputs, h, w] and w [N, w_dim] to an image [N, outputs, h, w]."""
        if torch.compiler.is_compiling():
            # A product of matrices is a kernel of its own, forwards and backwards, whose operands
            # have to be written; a compiler makes these sums part of the kernels beside them.
            rows = self.colour(w).to(x.dtype)[..., None, None].unbind(1)
            return self.finish(torch.stack([(x * row).sum(1) for row in rows], 1))
        image = (self.colour(w) @ x.flatten(2)).unflatten(2, x.shape[2:])  # type: ignore[no-untyped-call]
        return self.finish(image)

    def colour(self, w: Tensor) -> Tensor:
        """The weight with its style, [N, outputs, inputs].

        With so few outputs a weight per sample is cheaper than scaling all of x.
        """
        with full_precision(w):
            weight: Tensor = self.weight[:, :, 0, 0] * (self.affine(w) * self.gain)[:, None]
        return weight

    def finish(self, image: Tensor) -> Tensor:
        """What follows the convolution."""
        return layers.clamped(image + self.bias[:, None, None], self.clamp)


class SynthesisBlock(nn.Module):
    """One resolution: conv0 (doubling; the learned constant instead at 4 px), conv1, toRGB."""

    def __init__(
        self, inputs: int, resolution: int, config: GeneratorConfig, draws: torch.Generator
    ) -> None:
        """Make one block; ``inputs`` 0 makes the first."""
        super().__init__()
        outputs, w_dim, clamp = config.channels_at(resolution), config.w_dim, config.conv_clamp
        if inputs:
            self.conv0 = SynthesisLayer(inputs, outputs, w_dim, resolution, True, clamp, draws)
        else:
            self.const = nn.Parameter(torch.randn(outputs, 4, 4, generator=draws))
        self.conv1 = SynthesisLayer(outputs, outputs, w_dim, resolution, False, clamp, draws)
        self.torgb = ToRgb(outputs, config.image_channels, w_dim, clamp, draws)

    def convolutions(self, level: Level) -> list[tuple[SynthesisLayer, Window]]:
        """Its 3x3 convolutions with the windows of what they give."""
        last = [(self.conv1, level.features)]
        return [(self.conv0, level.inner), *last] if hasattr(self, "conv0") else last
