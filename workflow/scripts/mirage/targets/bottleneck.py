"""MID's variational bottleneck: noise and a narrow code between pooled features and logits."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mirage.errors import MirageError
from mirage.targets.architectures.layers import Linear, initialise

SHIFT = 5.0
"""Taken from s, so that a fresh network's noise is small: softplus(-5) = 0.0067."""

_TINY = -20.0  # below it softplus(x) and exp(x) differ by less than a billionth of either


class Bottleneck(nn.Module):
    """A head: one linear layer makes mu and s of the features, another classifies mu + sigma * eps.

    sigma = softplus(s - 5), eps standard normal. The code has half as many values as the features.

    Attributes:
        statistics: features [N, D] to mu and s side by side, [N, 2 * (D // 2)].
        classifier: codes to logits.
        always: whether eps is drawn in eval mode, too; else the code is mu there.

    Source: Wang et al. 2021 (MID), as the BiDO repository computes it; paper B.5: 1,024 values for
    ResNet-152's 2,048 features.
    """

    def __init__(self, features: int, classes: int, always: bool, stream: torch.Generator) -> None:
        """Draw the weights of both layers from ``stream``, PyTorch's default for linear layers."""
        super().__init__()
        self.code, self.always = features // 2, always
        self.statistics = Linear(features, 2 * self.code)
        self.classifier = Linear(self.code, classes)
        initialise(self, stream)

    @property
    def noise_width(self) -> int:
        """Values of eps per image in the present mode."""
        return self.code if self.training or self.always else 0

    def means(self, features: Tensor) -> Tensor:
        """The code without its noise, mu, [N, D // 2]."""
        mu: Tensor = self.statistics(features).chunk(2, dim=1)[0]
        return mu

    def forward(self, features: Tensor, noise: Tensor | None = None) -> Tensor:
        """Logits [N, K] of features [N, D]; ``noise`` is eps, [N, D // 2].

        Raises:
            MirageError: eps is wanted and not given.
        """
        mu, s = self.statistics(features).chunk(2, dim=1)
        if self.noise_width == 0:
            logits: Tensor = self.classifier(mu)
            return logits
        if noise is None:
            raise MirageError("a network with MID's bottleneck was run without its noise")
        logits = self.classifier(mu + F.softplus(s - SHIFT) * noise)
        return logits


def divergence(statistics: Tensor) -> Tensor:
    """KL( N(mu, diag sigma^2) || N(0, I) ) in nats, mean over the batch, 0-d.

    Args:
        statistics: mu and s side by side, [N, 2k].
    """
    value: Tensor = _Divergence.apply(statistics)
    return value


class _Divergence(torch.autograd.Function):
    """The divergence with its gradient in closed form, of which autograd would make 20 calls."""

    @staticmethod
    def forward(ctx: Any, statistics: Tensor) -> Tensor:
        mu, s = statistics.chunk(2, dim=1)
        shifted = s - SHIFT
        sigma = F.softplus(shifted)
        # Where sigma is below the smallest number, log sigma is x itself.
        tiny = shifted < _TINY
        log = torch.where(tiny, shifted, sigma.log())
        ctx.save_for_backward(mu, shifted, sigma, tiny)
        return (0.5 * (mu.square() + sigma.square() - 1) - log).sum() / len(mu)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        mu, shifted, sigma, tiny = ctx.saved_tensors
        slope = shifted.sigmoid()  # d sigma / d s
        of_log = torch.where(tiny, 1.0, slope / sigma)
        return torch.cat([mu, slope * sigma - of_log], dim=1) * (gradient / len(mu))
