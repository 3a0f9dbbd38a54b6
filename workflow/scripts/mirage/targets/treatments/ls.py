"""Label smoothing of any sign: ``ls0.1``, ``ls0`` (hard labels), ``ls-0.05``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from mirage.recipes import require
from mirage.targets.parts import TreatmentPart

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Smoothing(TreatmentPart):
    """Label smoothing (paper 2.2); the formula is in ``mirage.targets.smoothing``.

    Attributes:
        alpha: smoothing factor in (-inf, 1].
        ramp: how a negative factor sets in over E epochs. ``published``: 0 in the first half, then
            alpha * (e - E/2 + 1) / (E/2), and from three quarters on all of alpha. For E = 100
            that is the official code's alpha * (e - 49) / 50, with its jump from alpha / 2 to
            alpha at epoch 75. ``corrected``: the same with E/4 below the line, so that the ramp
            arrives at alpha without a jump. ``constant``: alpha from the start, as positive ones.

    Source: official code's schedule (quirks ramp-jump, late-ramp); other E than 100 are our
    generalisation.
    """

    alpha: float
    ramp: Literal["published", "corrected", "constant"] = "published"

    place: ClassVar[int] = 0
    numbers: ClassVar[tuple[str, ...]] = ("alpha",)
    rates: ClassVar[tuple[str, ...]] = ("alpha",)

    def __post_init__(self) -> None:
        require(self.alpha <= 1, "alpha", self.alpha, "a smoothing factor of at most 1")

    def at(self, epoch: int, epochs: int) -> dict[str, float]:
        """The factor in force."""
        half = epochs / 2
        if self.alpha >= 0 or self.ramp == "constant" or epoch >= 1.5 * half:
            return {"alpha": self.alpha}
        if epoch < half:
            return {"alpha": 0.0}
        length = half if self.ramp == "published" else half / 2
        return {"alpha": self.alpha * min((epoch - half + 1) / length, 1.0)}

    def label_loss(self, logits: "Tensor", labels: "Tensor", epoch: int, epochs: int) -> "Tensor":
        """Cross entropy with the smoothed label."""
        from mirage.targets.smoothing import smoothed_cross_entropy

        return smoothed_cross_entropy(logits, labels, self.at(epoch, epochs)["alpha"])


PART = Smoothing
