"""Recipes: the settings of one piece of work, checked where they are made.

A recipe is a frozen dataclass. ``Recipe.of`` makes it from the mapping that stands in the
configuration, and each recipe states in ``__post_init__`` what its values must be. Those that
several rooms share stand here.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias

from mirage.building import build
from mirage.errors import MirageError

Precision: TypeAlias = Literal["fp32", "tf32", "bf16"]

Compilation: TypeAlias = Literal["auto", "on", "off"]
"""Whether steps run as compiled code; ``auto``: where the work is long enough to pay for it."""

Sharing: TypeAlias = Literal["shared", "per_image"]
"""``shared``: one crop for a whole batch, as the official code; ``per_image``: corrected."""


class Recipe:
    """Base of the frozen dataclasses that hold settings."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Make the recipe from its mapping in the configuration; see ``building.build``."""
        return build(cls, values)


def require(holds: bool, setting: str, value: object, expected: str) -> None:
    """Refuse an impossible value, in a MirageError that names setting, value and expectation."""
    if not holds:
        raise MirageError(f"{setting} is {value!r}", expected, "correct it")


@dataclass(frozen=True)
class OptimiserRecipe(Recipe):
    """Which optimiser, and its numbers.

    Attributes:
        name: ``adam`` or ``sgd``.
        lr: learning rate before any schedule, positive.
        betas: Adam's decay rates, each in [0, 1).
        momentum: SGD's momentum, in [0, 1).
        weight_decay: l2 penalty added to the gradient, not negative.
    """

    name: Literal["adam", "sgd"]
    lr: float
    betas: tuple[float, float] = (0.9, 0.999)
    momentum: float = 0.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        require(self.lr > 0, "lr", self.lr, "a positive learning rate")
        require(all(0 <= b < 1 for b in self.betas), "betas", self.betas, "two values in [0, 1)")
        require(0 <= self.momentum < 1, "momentum", self.momentum, "a value in [0, 1)")
        require(self.weight_decay >= 0, "weight_decay", self.weight_decay, "zero or more")


@dataclass(frozen=True)
class RandomViewRecipe(Recipe):
    """How ``random_views`` changes images; defaults are those of PLG-MI's attack.

    Attributes:
        crop_area: bounds of the square crop's share of the area (quirk corner-aligned-views).
        brightness: its factor is drawn within 1 +- this.
        contrast: its factor is drawn within 1 +- this.
        jitter: probability of changing colours at all (its GAN's training: 0.5).
        mirror: probability.
        degrees: bound of the rotation to either side.
        rotate: probability of turning at all.
    """

    crop_area: tuple[float, float] = (0.8, 1.0)
    brightness: float = 0.2
    contrast: float = 0.2
    jitter: float = 1.0
    mirror: float = 0.5
    degrees: float = 5.0
    rotate: float = 0.5

    def __post_init__(self) -> None:
        low, high = self.crop_area
        require(0 < low <= high <= 1, "crop_area", self.crop_area, "rising bounds within (0, 1]")
        for name in ("brightness", "contrast", "jitter", "mirror", "rotate"):
            require(0 <= getattr(self, name) <= 1, name, getattr(self, name), "a value in [0, 1]")
        require(0 <= self.degrees <= 180, "degrees", self.degrees, "a value in [0, 180]")


def check_crop(scale: tuple[float, float], ratio: tuple[float, float]) -> None:
    """Refuse bounds of a random crop that are out of order or out of range."""
    require(0 < scale[0] <= scale[1] <= 1, "crop_scale", scale, "rising bounds within (0, 1]")
    require(0 < ratio[0] <= ratio[1], "crop_ratio", ratio, "rising positive bounds")
