"""What backdoors by poisoned labels have in common: a part of a treatment with a trigger."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mirage.recipes import require
from mirage.targets.parts import TreatmentPart
from mirage.targets.recipe import MarkedAt, Poisonable

if TYPE_CHECKING:
    from mirage.data.views import LabelledImages
    from mirage.targets.backdoor import Poisoning, Trigger


@dataclass(frozen=True, kw_only=True)
class PoisonedLabels(TreatmentPart):
    """Some training images bear a trigger and the label of the backdoor, smoothed like any.

    Attributes:
        share: of all training images that are poisoned, rounded to whole images, in (0, 1].
        label: that they get.
        selection: ``any`` image, of the backdoor's class as well; or only ``others``.
        stage: ``before_augmentation``, so that a crop may cut the trigger and a mirror move it; or
            ``after_augmentation``, always as in the test.

    Source: paper C.9; what it leaves open is BackdoorBench's (quirk poisoned-any).
    """

    share: float = 0.1
    label: int = 0
    selection: Poisonable = "any"
    stage: MarkedAt = "before_augmentation"

    place: ClassVar[int] = 5

    def __post_init__(self) -> None:
        require(0 < self.share <= 1, "share", self.share, "a share in (0, 1]")
        require(self.label >= 0, "label", self.label, "a class from 0 on")

    def trigger(self, channels: int, image_px: int, seed: int) -> "Trigger":
        """What poisoned images bear, in training and test of a cell of that seed."""
        raise NotImplementedError

    def poison(self, images: "LabelledImages", seed: int) -> "Poisoning":
        """Poison a share of the training images."""
        from mirage.targets.backdoor import poison

        _, channels, image_px, _ = images.pixels.shape
        return poison(
            images.labels,
            images.classes,
            self.trigger(channels, image_px, seed),
            self.share,
            self.label,
            self.selection,
            self.stage,
            seed,
        )

    def check(self, image_px: int, classes: int) -> None:
        """Refuse a label that is no class."""
        require(self.label < classes, "label", self.label, f"a class of 0 to {classes - 1}")
