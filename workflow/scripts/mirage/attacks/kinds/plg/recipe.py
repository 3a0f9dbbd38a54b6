"""Settings of PLG-MI's attack."""

from dataclasses import dataclass, field

from mirage.recipes import OptimiserRecipe, Precision, RandomViewRecipe, Recipe, require


@dataclass(frozen=True)
class PlgAttackRecipe(Recipe):
    """How latents are found; defaults are those of the published command line.

    Attributes:
        restarts: latents of each class, all of which count.
        steps: optimiser steps.
        optimiser: its learning rate in the code, 0.02, and 1500 steps are overruled there.
        n_views: views of one image whose losses are added in each step.
        view: how a view changes the image (quirk corner-aligned-views).
        precision: arithmetic of prior and target; see ``mirage.numerics``.
    """

    restarts: int = 5
    steps: int = 600
    optimiser: OptimiserRecipe = field(default_factory=lambda: OptimiserRecipe("adam", 0.1))
    n_views: int = 2
    view: RandomViewRecipe = field(default_factory=RandomViewRecipe)
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        for name in ("restarts", "n_views"):
            require(getattr(self, name) > 0, name, getattr(self, name), "at least 1")
        require(self.steps >= 0, "steps", self.steps, "0 or more")
