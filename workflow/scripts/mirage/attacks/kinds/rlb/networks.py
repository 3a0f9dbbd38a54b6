"""Small networks of many learners at once: one batched matrix product a layer for them all."""

from collections.abc import Sequence

import torch
from torch import Tensor


class NetworkStack:
    """K networks of one shape: linear layers with ReLU between them.

    A network never meets another: each has its own slice of every tensor. The gradients are written
    out, which spares autograd's calls for every one of the thousands of small steps.

    Attributes:
        weights: of each layer, [K, inputs, outputs].
        biases: of each layer, [K, 1, outputs].
    """

    def __init__(self, weights: Sequence[Tensor], biases: Sequence[Tensor]) -> None:
        """Take over the parameters, as they are."""
        self.weights, self.biases = list(weights), list(biases)

    @property
    def parameters(self) -> list[Tensor]:
        """All of them, in a fixed order."""
        return self.weights + self.biases

    def forward(self, x: Tensor) -> list[Tensor]:
        """Outputs of all layers, what goes in first, and what comes out last.

        Args:
            x: [K, N, inputs].

        Returns:
            Activations [K, N, ...]; those between layers after ReLU.
        """
        activations = [x]
        last = len(self.weights) - 1
        for place, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            x = torch.baddbmm(bias, x, weight)
            activations.append(x if place == last else x.relu_())
        return activations

    def backward(self, activations: Sequence[Tensor], gradient: Tensor) -> None:
        """Write the parameters' ``.grad``.

        Args:
            activations: what ``forward`` returned.
            gradient: of the loss with respect to what came out, [K, N, outputs].
        """
        for place in range(len(self.weights) - 1, -1, -1):
            self.weights[place].grad = torch.bmm(activations[place].mT, gradient)
            self.biases[place].grad = gradient.sum(dim=1, keepdim=True)
            if place:
                gradient = self._before(place, activations, gradient)

    def input_gradient(self, activations: Sequence[Tensor], gradient: Tensor, first: int) -> Tensor:
        """Gradient with respect to the inputs from number ``first`` on, [K, N, inputs - first].

        The other arguments are those of ``backward``.
        """
        for place in range(len(self.weights) - 1, 0, -1):
            gradient = self._before(place, activations, gradient)
        return torch.bmm(gradient, self.weights[0][:, first:].mT)

    def _before(self, place: int, activations: Sequence[Tensor], gradient: Tensor) -> Tensor:
        """Gradient before the ReLU that layer ``place`` reads from."""
        through = torch.bmm(gradient, self.weights[place].mT)
        passed: Tensor = torch.ops.aten.threshold_backward(through, activations[place], 0.0)
        return passed


def actor_parameters(
    z_dim: int, hidden: int, stream: torch.Generator
) -> tuple[list[Tensor], list[Tensor]]:
    """Draw one actor: state [z_dim] -> mean and log standard deviation, [2 * z_dim].

    Weights and biases are uniform within 1 / sqrt(inputs), PyTorch's default: the repository's own
    rule is written down there and never called.

    Returns:
        Weights [inputs, outputs] and biases [1, outputs] of the three layers.
    """
    shapes = [(z_dim, hidden), (hidden, hidden), (hidden, 2 * z_dim)]
    return _drawn(shapes, [inputs**-0.5 for inputs, _ in shapes], stream)


def critic_parameters(
    z_dim: int, hidden: int, stream: torch.Generator
) -> tuple[list[Tensor], list[Tensor]]:
    """Draw one critic: state and action [2 * z_dim] -> value [1].

    Hidden weights are uniform within 1 / sqrt(outputs) (the published rule takes the wrong side of
    the matrix; quirk scalar-exploration), the last layer's within 0.003, biases as PyTorch's.
    """
    shapes = [(2 * z_dim, hidden), (hidden, hidden), (hidden, 1)]
    return _drawn(shapes, [hidden**-0.5, hidden**-0.5, 3e-3], stream)


def _drawn(
    shapes: Sequence[tuple[int, int]], limits: Sequence[float], stream: torch.Generator
) -> tuple[list[Tensor], list[Tensor]]:
    weights, biases = [], []
    for (inputs, outputs), limit in zip(shapes, limits, strict=True):
        weights.append(_uniform((inputs, outputs), limit, stream))
        biases.append(_uniform((1, outputs), inputs**-0.5, stream))
    return weights, biases


def _uniform(shape: tuple[int, int], limit: float, stream: torch.Generator) -> Tensor:
    return (2 * torch.rand(shape, generator=stream) - 1) * limit
