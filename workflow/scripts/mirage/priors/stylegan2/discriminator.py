"""The StyleGAN2 discriminator: residual blocks, minibatch standard deviation, epilogue.

Source: Karras et al. 2020, constants of the official PyTorch code; parameter names are those of the
published files. Deviation: the official network computes its top four resolutions in half
precision on a GPU, ours all in float32 (quirk half-discriminator); scores differ by the rounding
(a test emulates it). The attack's discriminator term follows ours.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mirage import streams
from mirage.priors.shapes import DiscriminatorConfig
from mirage.priors.stylegan2 import layers, resampling
from mirage.priors.stylegan2.layers import FullyConnected


class Convolution(nn.Module):
    """Convolution with equalised learning rate, leaky ReLU or nothing, and optional halving."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, draws: torch.Generator, *,
        down: bool = False, linear: bool = False, clamp: float | None = None, gain: float = 1.0,
    ) -> None:  # fmt: skip
        """Make one layer.

        Args:
            inputs: channels in.
            outputs: channels out.
            kernel: 1 or 3.
            draws: stream of the initial weights.
            down: low-pass filter first and keep every second pixel.
            linear: no bias and no leaky ReLU (the residual path).
            clamp: bound of the output, itself scaled by ``gain``.
            gain: extra factor of the output.
        """
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, kernel, kernel, generator=draws))
        self.bias = None if linear else nn.Parameter(torch.zeros(outputs))
        activation_gain = 1.0 if linear else math.sqrt(2)
        # Leaky ReLU is homogeneous, so its gain can be part of the weight's.
        self.bias_gain = activation_gain * gain
        self.weight_gain = self.bias_gain / math.sqrt(inputs * kernel**2)
        self.clamp = None if clamp is None else clamp * gain
        self.down = down

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, inputs, h, w] to [N, outputs, h, w], or half that size."""
        kernel = self.weight.shape[-1]
        weight = self.weight * self.weight_gain
        bias = None if self.bias is None else self.bias * self.bias_gain
        if not self.down:
            x = F.conv2d(x, weight, bias, padding=kernel // 2)
        elif kernel == 1:
            x = F.conv2d(resampling.filter_fir(x, 1.0, padding=1, stride=2), weight, bias)
        else:
            x = F.conv2d(resampling.filter_fir(x, 1.0, padding=2), weight, bias, stride=2)
        if bias is not None:
            x = F.leaky_relu(x, layers.SLOPE)
        return layers.clamped(x, self.clamp)


class DiscriminatorBlock(nn.Module):
    """Residual block that halves the size; the first one also reads the image."""

    def __init__(
        self, resolution: int, config: DiscriminatorConfig, draws: torch.Generator
    ) -> None:
        super().__init__()
        inputs, outputs = config.channels_at(resolution), config.channels_at(resolution // 2)
        clamp = config.conv_clamp
        if resolution == config.image_px:
            self.fromrgb = Convolution(config.image_channels, inputs, 1, draws, clamp=clamp)
        # Both paths carry sqrt(1/2), so the sum keeps their variance.
        half = math.sqrt(0.5)
        self.conv0 = Convolution(inputs, inputs, 3, draws, clamp=clamp)
        self.conv1 = Convolution(inputs, outputs, 3, draws, down=True, clamp=clamp, gain=half)
        self.skip = Convolution(inputs, outputs, 1, draws, down=True, linear=True, gain=half)

    def forward(self, x: Tensor) -> Tensor:
        """Map features [N, inputs, h, w] (the image, for the first block) to half the size."""
        if hasattr(self, "fromrgb"):
            x = self.fromrgb(x)
        residual: Tensor = self.skip(x)
        branch: Tensor = self.conv1(self.conv0(x))
        return residual + branch


def minibatch_deviation(x: Tensor, group: int, channels: int) -> Tensor:
    """Append the standard deviation across groups of images as extra channels.

    Args:
        x: [N, C, h, w]; N a multiple of ``group``, or smaller than it.
        group: images per group; a group's members lie N / group apart in the batch.
        channels: number of statistics, each over C / channels channels.

    Returns:
        [N, C + channels, h, w]; a statistic is one number per group, repeated over the pixels.

    Source: Karras et al. 2018, section 3, with the official code's 1e-8 under the root.
    """
    count, features, height, width = x.shape
    size = min(group, count)
    grouped = x.reshape(size, count // size, channels, features // channels, height, width)
    deviation = (grouped.var(dim=0, unbiased=False) + 1e-8).sqrt().mean(dim=(2, 3, 4))
    repeated = deviation.repeat(size, 1)[:, :, None, None].expand(-1, -1, height, width)
    return torch.cat([x, repeated], dim=1)


class DiscriminatorEpilogue(nn.Module):
    """Minibatch standard deviation, a convolution, two fully connected layers: one score."""

    def __init__(self, config: DiscriminatorConfig, draws: torch.Generator) -> None:
        super().__init__()
        self.group, self.channels = config.deviation_group, config.deviation_channels
        inputs, clamp = config.channels_at(4), config.conv_clamp
        self.conv = Convolution(inputs + self.channels, inputs, 3, draws, clamp=clamp)
        self.fc = FullyConnected(inputs * 16, inputs, draws, activate=True)
        self.out = FullyConnected(inputs, 1, draws)

    def forward(self, x: Tensor) -> Tensor:
        """Map features [N, inputs, 4, 4] to scores [N, 1]."""
        x = self.conv(minibatch_deviation(x, self.group, self.channels))
        score: Tensor = self.out(self.fc(x.flatten(1)))
        return score


class Discriminator(nn.Module):
    """Images to realness scores; blocks b{image_px} ... b8 and the epilogue b4."""

    def __init__(self, config: DiscriminatorConfig, seed: int = 0) -> None:
        """Make a discriminator with fresh weights, drawn by ``seed``."""
        super().__init__()
        self.config = config
        draws = streams.generator(seed, "priors", "stylegan2", "discriminator")
        for resolution in config.resolutions[:0:-1]:
            self.add_module(f"b{resolution}", DiscriminatorBlock(resolution, config, draws))
        self.b4 = DiscriminatorEpilogue(config, draws)

    def forward(self, images: Tensor) -> Tensor:
        """Score images [N, image_channels, image_px, image_px]: [N, 1], unbounded."""
        # Only the epilogue compares images, so the blocks may take them in parts.
        parts = torch.split(images, max(layers.INDEXABLE // self.largest_activation(), 1))
        features = torch.cat([self._blocks(part) for part in parts])
        scores: Tensor = self.b4(features)
        return scores

    def _blocks(self, x: Tensor) -> Tensor:
        for resolution in self.config.resolutions[:0:-1]:
            x = self.get_submodule(f"b{resolution}")(x)
        return x

    def largest_activation(self) -> int:
        """Most elements that any tensor has for one image."""
        # Before a block halves, its input is filtered, which makes it one pixel larger.
        return max(
            self.config.channels_at(resolution) * (resolution + 1) ** 2
            for resolution in self.config.resolutions
        )
