"""Label smoothing of any sign: ``ls0.1``, ``ls0`` (hard labels), ``ls-0.05``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mirage.recipes import require
from mirage.targets.parts import TreatmentPart
from mirage.targets.recipe import Ramp

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Smoothing(TreatmentPart):
    """Label smoothing (paper 2.2); the formulas are in ``mirage.targets.smoothing``.

    Attributes:
        alpha: smoothing factor in (-inf, 1].
        ramp: how a negative factor sets in; see ``smoothing.smoothing_at``.
    """

    alpha: float
    ramp: Ramp = "published"

    place: ClassVar[int] = 0
    numbers: ClassVar[tuple[str, ...]] = ("alpha",)
    rates: ClassVar[tuple[str, ...]] = ("alpha",)

    def __post_init__(self) -> None:
        require(self.alpha <= 1, "alpha", self.alpha, "a smoothing factor of at most 1")

    def at(self, epoch: int, epochs: int) -> dict[str, float]:
        """The factor in force."""
        from mirage.targets.smoothing import smoothing_at

        return {"alpha": smoothing_at(self.alpha, epoch, epochs, self.ramp)}

    def label_loss(self, logits: "Tensor", labels: "Tensor", epoch: int, epochs: int) -> "Tensor":
        """Cross entropy with the smoothed label."""
        from mirage.targets.smoothing import smoothed_cross_entropy

        return smoothed_cross_entropy(logits, labels, self.at(epoch, epochs)["alpha"])


PART = Smoothing
