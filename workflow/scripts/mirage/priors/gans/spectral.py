"""Weights of spectral norm 1.

Source: Miyato et al., ICLR 2018: a weight is divided by an estimate of its largest singular value,
from one step of the power iteration whenever it is used in training.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

_EPS = 1e-12


class SpectralWeight(nn.Module):
    """A weight, and the two vectors of the iteration, which go on from use to use.

    Attributes:
        values: the weight as it is trained.
        left: estimate of the first left singular vector of ``values`` as [outputs, rest].
        right: the same of the right one.
    """

    left: Tensor
    right: Tensor

    def __init__(self, *shape: int) -> None:
        """Leave all empty until ``fill``."""
        super().__init__()
        self.values = nn.Parameter(torch.empty(shape))
        self.register_buffer("left", torch.empty(shape[0]))
        self.register_buffer("right", torch.empty(math.prod(shape[1:])))

    def fill(self, gain: float, stream: torch.Generator) -> None:
        """Draw the weight (Xavier, uniform, scaled by ``gain``) and the vectors (any direction)."""
        nn.init.xavier_uniform_(self.values, gain, generator=stream)
        for vector in (self.left, self.right):
            nn.init.normal_(vector, generator=stream)
            vector.copy_(F.normalize(vector, dim=0, eps=_EPS))

    def forward(self) -> Tensor:
        """The weight over its norm; in training mode the vectors first take one step."""
        matrix = self.values.flatten(1)
        if self.training:
            with torch.no_grad():
                # New tensors, since graphs of earlier uses still need the old ones.
                self.right = F.normalize(matrix.t() @ self.left, dim=0, eps=_EPS)
                self.left = F.normalize(matrix @ self.right, dim=0, eps=_EPS)
        return self.values / torch.dot(self.left, matrix @ self.right)


class _Biased(nn.Module):
    """A weight of spectral norm 1 and a bias, within PyTorch's bounds at first."""

    def __init__(self, shape: tuple[int, ...], gain: float, stream: torch.Generator) -> None:
        super().__init__()
        self.weight = SpectralWeight(*shape)
        self.weight.fill(gain, stream)
        self.bias = nn.Parameter(torch.empty(shape[0]))
        bound = 1 / math.sqrt(math.prod(shape[1:]))
        nn.init.uniform_(self.bias, -bound, bound, generator=stream)


class SpectralConvolution(_Biased):
    """Convolution that keeps the size."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stream: torch.Generator) -> None:
        """Choose channels and an odd kernel size; Xavier's gain is sqrt(2) above one pixel."""
        gain = 1.0 if kernel == 1 else math.sqrt(2)
        super().__init__((outputs, inputs, kernel, kernel), gain, stream)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, inputs, h, w] to [N, outputs, h, w]."""
        weight = self.weight()
        return F.conv2d(x, weight, self.bias, padding=weight.shape[-1] // 2)


class SpectralLinear(_Biased):
    """Linear layer."""

    def __init__(self, inputs: int, outputs: int, stream: torch.Generator) -> None:
        super().__init__((outputs, inputs), 1.0, stream)

    def forward(self, x: Tensor) -> Tensor:
        """Map [N, inputs] to [N, outputs]."""
        return F.linear(x, self.weight(), self.bias)


class SpectralEmbedding(nn.Module):
    """A vector for each class; all of them are one matrix of spectral norm 1."""

    def __init__(self, classes: int, width: int, stream: torch.Generator) -> None:
        super().__init__()
        self.weight = SpectralWeight(classes, width)
        self.weight.fill(1.0, stream)

    def forward(self, labels: Tensor) -> Tensor:
        """Map classes int64 [N] to [N, width]."""
        return F.embedding(labels, self.weight())
