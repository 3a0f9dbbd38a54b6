"""What PLG-MI draws: starting points, views and noise, from streams named by class and restart."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from mirage.attacks.kinds.plg.recipe import PlgAttackRecipe
from mirage.random_views import Views, draw_orders, draw_views
from mirage.streams import generator

BLOCK = 25
"""Steps whose draws are made together: those of all steps would not fit beside a noisy target."""

Restart: TypeAlias = tuple[int, int]
"""Class and restart."""


class Step(NamedTuple):
    """Draws of one step; rows are those of all first views, then of all second ones.

    Attributes:
        views: fields [V * N].
        orders: of the colour operations, int64 [V * N, 3].
        noise: of the classifier's pass, [V * N, width], or None.
    """

    views: Views
    orders: Tensor
    noise: Tensor | None


@dataclass(frozen=True)
class ViewDraws:
    """All draws of some latents.

    Attributes:
        rows: the latents.
        recipe: how many views, and which.
        image_px: side of the generated images.
        noise_width: normal values that the classifier takes for each image.
        seed: of the attack.
    """

    rows: Sequence[Restart]
    recipe: PlgAttackRecipe
    image_px: int
    noise_width: int
    seed: int

    def starts(self, z_dim: int) -> Tensor:
        """Starting points from the standard normal distribution, [N, z_dim]."""
        return torch.stack([torch.randn(z_dim, generator=self._of("start", r)) for r in self.rows])

    def block(self, number: int) -> list[Step]:
        """Draws of the steps of one block."""
        count = self.recipe.n_views
        each = [
            draw_views(BLOCK * count, self.image_px, self.recipe.view, self._of("view", r, number))
            for r in self.rows
        ]
        shape = (len(self.rows), BLOCK, count)
        fields = (torch.stack(field).view(shape) for field in zip(*each, strict=True))
        # One order per call of the published code: for all classes of a restart.
        restarts = sorted({restart for _, restart in self.rows})
        streams = {r: generator(self.seed, "attacks", "plg", "order", r, number) for r in restarts}
        drawn = {r: draw_orders(BLOCK * count, stream) for r, stream in streams.items()}
        orders = torch.stack([drawn[restart] for _, restart in self.rows]).view(*shape, 3)
        views, orders = Views(*(f.movedim(0, 2) for f in fields)), orders.movedim(0, 2)
        noise = self.noise("noise", number, passes=BLOCK * count)
        if noise is not None:
            noise = noise.view(*shape, -1).movedim(0, 2)
        return [
            Step(
                Views(*(field[step].flatten() for field in views)),
                orders[step].flatten(0, 1),
                None if noise is None else noise[step].flatten(0, 1),
            )
            for step in range(BLOCK)
        ]

    def noise(self, *names: str | int, passes: int = 1) -> Tensor | None:
        """Noise of some passes, [N, passes, width]; None without a width."""
        if self.noise_width == 0:
            return None
        purpose, *numbers = names
        return torch.stack([
            torch.randn(passes, self.noise_width, generator=self._of(purpose, r, *numbers))
            for r in self.rows
        ])  # fmt: skip

    def _of(self, purpose: str | int, row: Restart, *numbers: str | int) -> torch.Generator:
        return generator(self.seed, "attacks", "plg", purpose, *row, *numbers)
