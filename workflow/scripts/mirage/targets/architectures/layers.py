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


class Convolution(nn.Conv2d):
    """Convolution without bias, padded to keep the size at stride 1; filled by ``initialise``."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        """Choose channels, odd kernel size, stride and groups."""
        super().__init__(
            inputs, outputs, kernel, stride, padding=kernel // 2, groups=groups, bias=False
        )

    def reset_parameters(self) -> None:
        """Draw nothing: PyTorch would use the global random state here."""


class Linear(nn.Linear):
    """Linear layer; filled by ``initialise``."""

    def reset_parameters(self) -> None:
        """Draw nothing: PyTorch would use the global random state here."""


class BatchNorm(nn.Module):
    """Batch norm over [N, C, H, W] with momentum 0.1 and eps 1e-5, PyTorch's defaults."""

    def __init__(self, channels: int) -> None:
        """Start with scale 1, shift 0 and running statistics (0, 1)."""
        super().__init__()
        self.weight = nn.Parameter(torch.ones(channels))
        self.bias = nn.Parameter(torch.zeros(channels))
        self.running_mean: Tensor
        self.running_var: Tensor
        self.register_buffer("running_mean", torch.zeros(channels))
        self.register_buffer("running_var", torch.ones(channels))

    def forward(self, x: Tensor) -> Tensor:
        """Normalise by the batch in training, by the running statistics otherwise."""
        return F.batch_norm(
            x, self.running_mean, self.running_var, self.weight, self.bias, self.training
        )


class Activated(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, *convolution: int, pool: int = 1) -> None:
        """Pass the arguments of ``Convolution``; ``pool`` takes the maximum of squares first."""
        super().__init__()
        self.convolution = Convolution(*convolution)
        self.norm, self.pool = BatchNorm(self.convolution.out_channels), pool

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, H, W] to [N, C', H', W']."""
        x = self.convolution(x)
        if self.pool > 1:
            # Pooling before the norm leaves it a quarter of the pixels to work on.
            x = F.max_pool2d(x, self.pool)
        return F.relu_(self.norm(x))


class Residual(nn.Module):
    """relu(body(x) + shortcut(x)); the shortcut is projected where the shape changes."""

    def __init__(self, body: nn.Sequential, inputs: int, outputs: int, stride: int) -> None:
        """Wrap ``body``, which maps ``inputs`` to ``outputs`` channels at ``stride``."""
        super().__init__()
        self.body = body
        self.shortcut: nn.Sequential | None = None
        if inputs != outputs or stride != 1:
            self.shortcut = nn.Sequential(
                Convolution(inputs, outputs, 1, stride), BatchNorm(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, H, W] to [N, C', H', W']."""
        y: Tensor = self.body(x)
        y += x if self.shortcut is None else self.shortcut(x)
        return F.relu_(y)


class DenseLayer(nn.Module):
    """Batch norm, ReLU, 3x3 convolution; its maps are appended to its input."""

    def __init__(self, inputs: int, growth: int) -> None:
        """Append ``growth`` maps to ``inputs`` ones."""
        super().__init__()
        self.norm, self.convolution = BatchNorm(inputs), Convolution(inputs, growth, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, H, W] to [N, C + growth, H, W]."""
        return torch.cat([x, self.convolution(F.relu_(self.norm(x)))], 1)


class NormActivation(nn.Module):
    """Batch norm and ReLU, which end a stack of dense layers."""

    def __init__(self, channels: int) -> None:
        """Normalise ``channels`` maps."""
        super().__init__()
        self.norm = BatchNorm(channels)

    def forward(self, x: Tensor) -> Tensor:
        """Keep the shape [N, C, H, W]."""
        return F.relu_(self.norm(x))


class GlobalAverage(nn.Module):
    """Mean over all pixels."""

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, C, H, W] to [N, C]."""
        return x.mean((2, 3))


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
        if isinstance(layer, Convolution):
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu", **options)
        elif isinstance(layer, Linear):
            bound = 1 / math.sqrt(layer.in_features)
            nn.init.uniform_(layer.weight, -bound, bound, **options)
            nn.init.uniform_(layer.bias, -bound, bound, **options)
