"""Blended, a backdoor by noise all over the image: ``ls0.1+blended``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mirage.recipes import require
from mirage.targets.poisoned_labels import PoisonedLabels

if TYPE_CHECKING:
    from mirage.targets.backdoor import Trigger


@dataclass(frozen=True, kw_only=True)
class Blended(PoisonedLabels):
    """Poisoned images are blended with one fixed pattern of normal noise.

    Attributes:
        ratio: weight of the pattern, in (0, 1].
        noise_mean: of its values; 0 is black and 1 white.
        noise_deviation: their standard deviation, above 0.
        noise_clipped: whether they are clipped to [0, 1] before the blending; the blended image
            always is.

    Source: Chen et al. 2017; paper C.9 (quirk trigger-noise).
    """

    ratio: float = 0.1
    noise_mean: float = 0.5
    noise_deviation: float = 0.25
    noise_clipped: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require(0 < self.ratio <= 1, "ratio", self.ratio, "a weight in (0, 1]")
        deviation = self.noise_deviation
        require(deviation > 0, "noise_deviation", deviation, "above 0")

    def trigger(self, channels: int, image_px: int, seed: int) -> "Trigger":
        """The pattern of a seed."""
        from mirage.targets.backdoor import noise

        return noise(
            channels,
            image_px,
            self.ratio,
            self.noise_mean,
            self.noise_deviation,
            self.noise_clipped,
            seed,
        )


PART = Blended
