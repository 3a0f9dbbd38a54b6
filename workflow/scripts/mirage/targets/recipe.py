"""Settings of one training."""

import math
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from mirage.recipes import OptimiserRecipe, Precision, Recipe, Sharing, check_crop, require

Auxiliary: TypeAlias = Literal["paper", "corrected"]
MarkedAt: TypeAlias = Literal["before_augmentation", "after_augmentation"]
Poisonable: TypeAlias = Literal["any", "others"]
"""Which images may be poisoned: any, or the others than those of the backdoor's class."""


@dataclass(frozen=True)
class ScheduleRecipe(Recipe):
    """How the learning rate falls.

    Attributes:
        name: ``multistep`` multiplies by ``gamma`` at each milestone; ``cosine`` falls along half
            a cosine to ``floor``; ``constant`` does not fall.
        milestones: epochs, counted from 0, from which on the next factor holds.
        gamma: factor of each milestone, in (0, 1].
        floor: learning rate the cosine would reach after the last epoch, not negative.

    Source: paper B.3 (multistep); official student (cosine per epoch to a floor; quirk
    student-recipe).
    """

    name: Literal["multistep", "cosine", "constant"] = "constant"
    milestones: tuple[int, ...] = ()
    gamma: float = 0.1
    floor: float = 0.0

    def __post_init__(self) -> None:
        found = self.milestones
        rising = list(found) == sorted(found) and min(found, default=1) > 0
        require(rising, "milestones", found, "rising epochs above 0")
        fits = bool(found) == (self.name == "multistep")
        require(fits, "milestones", found, "milestones for multistep and for no other schedule")
        require(0 < self.gamma <= 1, "gamma", self.gamma, "a factor in (0, 1]")
        require(self.floor >= 0, "floor", self.floor, "zero or more")

    def rate(self, base: float, epoch: int, epochs: int) -> float:
        """Learning rate in force during an epoch (from 0) of ``epochs``; ``base`` is the first's.

        Same values as PyTorch's MultiStepLR, CosineAnnealingLR.
        """
        if self.name == "multistep":
            return base * self.gamma ** sum(epoch >= m for m in self.milestones)
        if self.name == "cosine":
            return self.floor + (base - self.floor) * (1 + math.cos(math.pi * epoch / epochs)) / 2
        return base


@dataclass(frozen=True)
class AugmentationRecipe(Recipe):
    """Strength of the augmentation; the defaults change nothing.

    Attributes:
        crop_scale: bounds of the crop's share of the image area, within (0, 1].
        crop_ratio: bounds of the crop's width / height.
        flip: probability of mirroring.
        brightness: factor uniform in [max(0, 1 - b), 1 + b].
        contrast: likewise.
        saturation: likewise; grey images have none.
        hue: shift uniform in [-hue, hue] turns, at most 0.5; grey images have none.
        crop: ``per_image``, every image has its own draw of crop and mirror (targets), or
            ``shared``, one for the batch (the official student; quirk shared-crop).
    """

    crop_scale: tuple[float, float] = (1.0, 1.0)
    crop_ratio: tuple[float, float] = (1.0, 1.0)
    flip: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    crop: Sharing = "per_image"

    def __post_init__(self) -> None:
        check_crop(self.crop_scale, self.crop_ratio)
        require(0 <= self.flip <= 1, "flip", self.flip, "a probability")
        for name in ("brightness", "contrast", "saturation"):
            value = getattr(self, name)
            require(value >= 0, name, value, "zero or more")
        require(0 <= self.hue <= 0.5, "hue", self.hue, "a value in [0, 0.5]")

    @property
    def crops(self) -> bool:
        """Whether crop or mirror changes anything."""
        return self.crop_scale != (1.0, 1.0) or self.crop_ratio != (1.0, 1.0) or self.flip > 0


@dataclass(frozen=True)
class TrainingRecipe(Recipe):
    """How a target, an evaluation model or a student is trained, whatever its treatment.

    Attributes:
        epochs: number of epochs.
        batch_size: images per step.
        optimiser: optimiser and its base learning rate.
        schedule: fall of the learning rate, by epoch.
        augmentation: training augmentation.
        keep: ``last`` epoch's weights (quirk last-epoch), or the ``best`` on the test set, the
            earliest of equals, of the epochs in which the treatment has its final strength (quirk
            best-epoch).
        last_batch: what becomes of an epoch's last batch if it is smaller: ``keep`` or ``drop``
            (quirk dropped-batch).
        precision: arithmetic of the training; see ``mirage.numerics``.
        compile: let torch.compile fuse the network.
        auxiliary: fidelity of Inception's auxiliary head (quirk auxiliary-head).
        pretrained: whether it starts from the initial weights of its architecture, where there
            are any.
    """

    epochs: int
    batch_size: int
    optimiser: OptimiserRecipe
    schedule: ScheduleRecipe = field(default_factory=ScheduleRecipe)
    augmentation: AugmentationRecipe = field(default_factory=AugmentationRecipe)
    keep: Literal["last", "best"] = "last"
    last_batch: Literal["keep", "drop"] = "keep"
    precision: Precision = "fp32"
    compile: bool = False
    auxiliary: Auxiliary = "paper"
    pretrained: bool = True

    def __post_init__(self) -> None:
        require(self.epochs >= 1, "epochs", self.epochs, "one or more")
        require(self.batch_size >= 2, "batch_size", self.batch_size, "two or more (batch norm)")
