"""Settings of the gradient measure."""

from dataclasses import dataclass
from typing import Annotated

from mirage.attacks.losses import LOSSES
from mirage.marks import Count, In, entry, several
from mirage.recipes import Recipe

SURE = 0.99
"""Probability of the class from which an attack counts as arrived: with nothing left to find, a
step of constant length oscillates, and gradients of the cross entropy are rounding."""
LAST = 10
"""Steps at the end that are told of by themselves."""


@dataclass(frozen=True)
class GradientsRecipe(Recipe):
    """Whose steps are followed.

    Attributes:
        attack: its pool, optimiser, steps, crops and precision; terms beside the loss are left out.
        losses: what is minimised, and measured; the latents are optimised anew for each.
        pairs: latents, each with a class (paper 4.4: 1,000).
    """

    attack: Annotated[str, In("attacks")]
    losses: Annotated[tuple[Annotated[str, entry(LOSSES)], ...], several()]
    pairs: Count = 1000
