"""Adam and SGD whose whole state is a dictionary of tensors.

The arithmetic is PyTorch's own functional form. Building one of its optimiser classes loads the
compiler stack (about 2 s of CPU, measured by ``python -X importtime``), which short jobs should
not pay; and a flat state makes checkpoints trivial.
"""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adam import adam
from torch.optim.sgd import sgd

from mirage.recipes import OptimiserRecipe


class Optimiser:
    """Steps parameters in place; ``state()`` and ``restore()`` carry it through a checkpoint."""

    def __init__(
        self, parameters: Sequence[Tensor], recipe: OptimiserRecipe, fused: bool = False
    ) -> None:
        """Start with zero moments.

        Each of the parameters, all leaves, must have a gradient whenever ``step`` is called.
        ``fused`` makes Adam read and write each value once, which rounds otherwise.
        """
        self.parameters, self.recipe, self.fused = list(parameters), recipe, fused
        zeros = [torch.zeros_like(parameter) for parameter in self.parameters]
        self._first = zeros
        self._second = [zero.clone() for zero in zeros] if recipe.name == "adam" else []
        self._steps = [
            torch.zeros((), device=parameter.device if fused else "cpu")
            for parameter in self.parameters
        ]

    @torch.no_grad()
    def step(self, lr: float | None = None) -> None:
        """Update every parameter from its ``.grad``, with another learning rate if given."""
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        if len(gradients) < len(self.parameters):
            raise ValueError("a parameter has no gradient")
        rate = self.recipe.lr if lr is None else lr
        if self.recipe.name == "adam":
            adam(
                self.parameters, gradients, self._first, self._second, [], self._steps,
                foreach=not self.fused, fused=self.fused, amsgrad=False,
                beta1=self.recipe.betas[0], beta2=self.recipe.betas[1],
                lr=rate, weight_decay=self.recipe.weight_decay, eps=1e-8, maximize=False,
            )  # fmt: skip
        else:
            # From a zero buffer, momentum * 0 + g is the g that PyTorch's first step starts with.
            buffers = [first if self.recipe.momentum else None for first in self._first]
            sgd(
                self.parameters, gradients, buffers,
                foreach=True, weight_decay=self.recipe.weight_decay, momentum=self.recipe.momentum,
                lr=rate, dampening=0.0, nesterov=False, maximize=False,
            )  # fmt: skip

    def zero_grad(self) -> None:
        """Forget all gradients."""
        for parameter in self.parameters:
            parameter.grad = None

    def state(self, prefix: str = "optimiser") -> dict[str, Tensor]:
        """Everything a resumed run needs, as named tensors."""
        named = {"first": self._first, "second": self._second, "steps": self._steps}
        return {
            f"{prefix}.{kind}.{index}": tensor
            for kind, tensors in named.items()
            for index, tensor in enumerate(tensors)
        }

    @torch.no_grad()
    def restore(self, state: dict[str, Tensor], prefix: str = "optimiser") -> None:
        """Take over what ``state`` returned."""
        for name, tensor in self.state(prefix).items():
            tensor.copy_(state[name])
