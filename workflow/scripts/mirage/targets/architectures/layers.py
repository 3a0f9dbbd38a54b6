"""Layers of the demo networks: PyTorch's arithmetic with less bookkeeping per call.

At eight 32 px images per step the cost is calls, not arithmetic, so batch norm keeps no counter
of batches and ReLUs work in place. Weights are left empty until ``initialise`` fills them from an
explicit generator.
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class BatchNorm(nn.Module):
    """Batch norm over [N, C, H, W] with momentum 0.1 and eps 1e-5, PyTorch's defaults."""

    def __init__(self, channels: int, relu: bool = False) -> None:
        """Start with scale 1, shift 0 and running statistics (0, 1); ``relu`` clips after it."""
        super().__init__()
        self.relu = relu
        self.scale = nn.Parameter(torch.ones(channels))
        self.shift = nn.Parameter(torch.zeros(channels))
        self.mean: Tensor
        self.variance: Tensor
        self.register_buffer("mean", torch.zeros(channels))
        self.register_buffer("variance", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise by the batch in training, by the running statistics otherwise."""
        y = torch.batch_norm(
            x, self.scale, self.shift, self.mean, self.variance, self.training, 0.1, 1e-5, True
        )
        return y.relu_() if self.relu else y


class Kernel(nn.Module):
    """Convolution without bias, padded to keep the size at stride 1."""

    def __init__(
        self, inputs: int, outputs: int, size: int, stride: int = 1, groups: int = 1
    ) -> None:
        """Choose channels, odd kernel size, stride and groups; ``initialise`` fills the weight."""
        super().__init__()
        self.weight = nn.Parameter(torch.empty(outputs, inputs // groups, size, size))
        self.stride, self.groups = stride, groups

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, H, W] to [N, C', H', W']."""
        size, stride = self.weight.shape[-1], self.stride
        if size == 1 and stride > 1:
            # The same function; a strided 1x1 kernel costs the CPU backend three times as much.
            x, stride = x[:, :, ::stride, ::stride], 1
        return torch.conv2d(x, self.weight, None, stride, size // 2, 1, self.groups)


class ConvNorm(Kernel):
    """Convolution, maximum over squares of ``pool`` pixels, batch norm, ReLU."""

    def __init__(self, *convolution: int, pool: int = 1, relu: bool = True) -> None:
        """Pass the arguments of ``Kernel``; ``relu`` may be left out."""
        super().__init__(*convolution)
        self.norm, self.pool = BatchNorm(len(self.weight), relu), pool

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, H, W] to [N, C', H', W']."""
        y = super().forward(x)
        if self.pool > 1:
            # Pooling before the norm leaves it a quarter of the pixels to work on.
            y = F.max_pool2d(y, self.pool)
        normalised: Tensor = self.norm(y)
        return normalised


class Residual(nn.Module):
    """relu(body(x) + shortcut(x)); the shortcut is projected where the shape changes."""

    def __init__(self, body: nn.Sequential, inputs: int, outputs: int, stride: int) -> None:
        """Wrap ``body``, which maps ``inputs`` to ``outputs`` channels at ``stride``."""
        super().__init__()
        self.body = body
        changes = inputs != outputs or stride != 1
        self.shortcut = ConvNorm(inputs, outputs, 1, stride, relu=False) if changes else None

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, H, W] to [N, C', H', W']."""
        y: Tensor = self.body(x)
        y += x if self.shortcut is None else self.shortcut(x)
        return y.relu_()


class DenseLayer(nn.Module):
    """Batch norm, ReLU, 3x3 convolution; its maps are appended to its input."""

    def __init__(self, inputs: int, growth: int) -> None:
        """Append ``growth`` maps to ``inputs`` ones."""
        super().__init__()
        self.norm, self.kernel = BatchNorm(inputs, relu=True), Kernel(inputs, growth, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, H, W] to [N, C + growth, H, W]."""
        return torch.cat([x, self.kernel(self.norm(x))], 1)


class Linear(nn.Linear):
    """Linear layer; filled by ``initialise``."""

    def reset_parameters(self) -> None:
        """Draw nothing: PyTorch would use the global random state here."""


class GlobalAverage(nn.Module):
    """Mean over all pixels."""

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, H, W] to [N, C]."""
        return x.mean((2, 3))


class UnitRange(nn.Module):
    """Images in [-1, 1] to [0, 1]."""

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape."""
        return (x + 1) / 2


class StreamDropout(nn.Module):
    """Dropout whose mask comes from an explicit CPU generator.

    PyTorch's dropout draws from the device's global state, which neither a resumed run nor
    another device could repeat.
    """

    def __init__(self, probability: float) -> None:
        """Drop each value with this probability; whoever trains sets ``generator`` each step."""
        super().__init__()
        self.probability, self.generator = probability, torch.Generator()

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape; do nothing in eval mode."""
        if not self.training:
            return x
        draws = torch.rand(x.shape, generator=self.generator)
        mask = (draws >= self.probability).to(x.device, x.dtype)
        return x * mask / (1 - self.probability)


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Fill all empty weights of ``module``.

    Convolutions: normal with variance 2 / fan-out (He et al. 2015, as torchvision's ResNets);
    linear layers: uniform within 1 / sqrt(fan-in), PyTorch's default.
    """
    options: dict[str, Any] = {"generator": generator}
    for layer in module.modules():
        if isinstance(layer, Kernel):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu", **options)
        elif isinstance(layer, Linear):
            bound = 1 / math.sqrt(layer.in_features)
            nn.init.uniform_(layer.weight, -bound, bound, **options)
            nn.init.uniform_(layer.bias, -bound, bound, **options)
