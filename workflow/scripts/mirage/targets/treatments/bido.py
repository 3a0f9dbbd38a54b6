"""BiDO, bilateral dependency optimisation by HSIC: ``bido0.05_0.5``."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal

from mirage.recipes import require
from mirage.targets.hooks import INPUT, NAMES, stages_of
from mirage.targets.parts import Outputs, TreatmentPart

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class BilateralDependency(TreatmentPart):
    """Hidden activations shall tell little of the image and much of the label.

    For the output Z of each stage, four or VGG's five, the loss gets lambda_x d(Z, X) - lambda_y
    d(Z, Y); the measure d of dependency is in ``mirage.targets.dependency``. The history has all
    of them. X is the image as the network's layers see it.

    Attributes:
        lambda_x: weight of the dependency on the images X, not negative.
        lambda_y: weight of the dependency on the labels Y, not negative; not both are 0.
        batches: ``shuffled``, as in any training (paper B.3), or ``balanced``, so many images of
            each class in a batch, as in the defense's own code (quirk balanced-batches).
        images_per_class: in a balanced batch, at least 2.

    Source: Peng et al. 2022; stages and settings of paper B.5 and Table 3 (quirk
    unequal-strengths).
    """

    lambda_x: float
    lambda_y: float
    batches: Literal["shuffled", "balanced"] = "shuffled"
    images_per_class: int = 4

    place: ClassVar[int] = 3
    numbers: ClassVar[tuple[str, ...]] = ("lambda_x", "lambda_y")
    hidden: ClassVar[tuple[str, ...]] = NAMES
    step_s: ClassVar[float] = 0.003

    def __post_init__(self) -> None:
        for name in self.numbers:
            require(getattr(self, name) >= 0, name, getattr(self, name), "a weight of 0 or more")
        require(self.lambda_x + self.lambda_y > 0, "lambda_y", 0, "not both weights 0")
        count = self.images_per_class
        require(count >= 2, "images_per_class", count, "two or more")

    def looks_at(self, named: Collection[str]) -> tuple[str, ...]:
        """Every stage, and the image if the network changes it."""
        return (*(name for name in named if name == INPUT), *stages_of(named))

    def columns(self, named: Collection[str]) -> tuple[str, ...]:
        """Two dependencies of each stage."""
        return tuple(f"{stage}_{on}" for stage in stages_of(named) for on in "xy")

    def order(
        self, labels: "Tensor", batch_size: int, stream: "torch.Generator"
    ) -> "Tensor | None":
        """Balanced batches, where they are wanted."""
        from mirage.targets.balancing import balanced

        if self.batches == "shuffled":
            return None
        return balanced(labels, batch_size, self.images_per_class, stream)

    def penalties(self, outputs: Outputs, labels: "Tensor", epoch: int) -> "dict[str, Tensor]":
        """The weighted dependencies of each stage."""
        from mirage.targets.dependency import dependencies

        stages = stages_of(outputs.hidden)
        hidden = [outputs.hidden[stage] for stage in stages]
        images = outputs.hidden.get(INPUT, outputs.images)
        on_images, on_labels = dependencies(images, labels, hidden)
        terms = {}
        for place, stage in enumerate(stages):
            terms[f"{stage}_x"] = self.lambda_x * on_images[place]
            terms[f"{stage}_y"] = -self.lambda_y * on_labels[place]
        return terms


PART = BilateralDependency
