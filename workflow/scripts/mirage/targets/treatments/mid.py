"""MID, a variational information bottleneck: ``mid0.005``."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from mirage.recipes import require
from mirage.targets.parts import Outputs, TreatmentPart

if TYPE_CHECKING:
    from torch import Tensor

    from mirage.targets.architectures import Classifier


@dataclass(frozen=True)
class InformationBottleneck(TreatmentPart):
    """The features pass a narrow, noisy code, and what it tells of the image costs.

    The loss gets beta times the divergence of the code from a standard normal one; see
    ``mirage.targets.bottleneck``. The noise is drawn in every pass, under test and attack as well,
    as published (quirk noisy-test).

    Attributes:
        beta: weight of the divergence, above 0.

    Source: Wang et al. 2021; settings of paper B.5 and Table 3.
    """

    beta: float

    place: ClassVar[int] = 2
    numbers: ClassVar[tuple[str, ...]] = ("beta",)
    terms: ClassVar[tuple[str, ...]] = ("kl",)
    hidden: ClassVar[tuple[str, ...]] = ("bottleneck",)
    adds: ClassVar[tuple[str, ...]] = ("bottleneck",)
    step_s: ClassVar[float] = 0.0007
    always_noisy: ClassVar[bool] = True

    def __post_init__(self) -> None:
        require(self.beta > 0, "beta", self.beta, "a weight above 0")

    def wrap(self, model: "Classifier", seed: int) -> "Classifier":
        """Put the bottleneck in the place of the last layer."""
        from mirage.streams import generator
        from mirage.targets.bottleneck import Bottleneck

        model.expect_bottleneck()
        stream = generator(seed, "targets", "initialisation", "mid")
        model.head = Bottleneck(model.head.in_features, model.classes, self.always_noisy, stream)  # type: ignore[assignment]
        model.stages = {**model.stages, "bottleneck": "head.statistics"}
        return model

    def penalties(self, outputs: Outputs, labels: "Tensor", epoch: int) -> "dict[str, Tensor]":
        """Beta times the divergence of the batch's codes."""
        from mirage.targets.bottleneck import divergence

        return {"kl": self.beta * divergence(outputs.hidden["bottleneck"].float())}


PART = InformationBottleneck
