"""Settings of BREP-MI."""

from dataclasses import dataclass

from mirage.recipes import Precision, Recipe, require


@dataclass(frozen=True)
class BrepRecipe(Recipe):
    """How a class is walked into; defaults are those of the published code.

    Attributes:
        start_batch: latents looked at together for ones to start from.
        start_batches: such batches at most. A class that the target names for none of their
            images has failed (quirk endless-start).
        clamp: starts and steps are clamped to +- this in each coordinate; what is asked about
            around them is not.
        points: asked about on the sphere around a latent.
        radius: of the first sphere.
        growth: factor by which the sphere grows, above 1.
        threshold: it grows where more points are inside than outside by more than this share of
            all, in [0, 1) (quirk late-expansion).
        largest_step: a step goes a third of the radius, at most this far.
        patience: steps without growth after which a class is done.
        pass_limit: spheres of one class at most; where no step is possible, the published code
            never ends (quirk uncounted-passes).
        precision: arithmetic of prior and target; see ``mirage.numerics``.
    """

    start_batch: int = 256
    start_batches: int = 1000
    clamp: float = 1.5
    points: int = 32
    radius: float = 2.0
    growth: float = 1.3
    threshold: float = 0.75
    largest_step: float = 3.0
    patience: int = 1000
    pass_limit: int = 100_000
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        for name in ("start_batch", "start_batches", "points", "patience", "pass_limit"):
            require(getattr(self, name) > 0, name, getattr(self, name), "at least 1")
        for name in ("clamp", "radius", "largest_step"):
            require(getattr(self, name) > 0, name, getattr(self, name), "above 0")
        require(self.growth > 1, "growth", self.growth, "a factor above 1")
        require(0 <= self.threshold < 1, "threshold", self.threshold, "a share in [0, 1)")
