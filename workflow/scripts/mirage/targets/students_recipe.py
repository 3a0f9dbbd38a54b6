"""Settings of the students that LOMMA attacks beside the target."""

from dataclasses import dataclass, field
from typing import Annotated

from mirage.marks import In, several
from mirage.recipes import OptimiserRecipe, Precision, Recipe, require


@dataclass(frozen=True)
class StudentsRecipe(Recipe):
    """Who learns the target's answers to public images, and how; defaults are LOMMA's code.

    Attributes:
        architectures: of the students, all different.
        epochs: of training; the weights after the last are kept (quirk nineteen-epochs).
        batch_size: images per step; what is left of an epoch is dropped.
        optimiser: LOMMA's: SGD, learning rate 0.01, momentum 0.9, weight decay 1e-4, never lowered
            (quirk student-rate).
        temperature: of both softmaxes (quirk divided-temperature).
        precision: arithmetic of the students; see ``mirage.numerics``.
    """

    architectures: Annotated[tuple[Annotated[str, In("architectures")], ...], several()] = (
        "efficientnet-b0",
        "efficientnet-b1",
        "efficientnet-b2",
    )
    epochs: int = 19
    batch_size: int = 64
    optimiser: OptimiserRecipe = field(
        default_factory=lambda: OptimiserRecipe("sgd", 0.01, momentum=0.9, weight_decay=1e-4)
    )
    temperature: float = 1.0
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        require(self.epochs >= 1, "epochs", self.epochs, "one or more")
        require(self.batch_size >= 2, "batch_size", self.batch_size, "two or more (batch norm)")
        require(self.temperature > 0, "temperature", self.temperature, "above 0")
