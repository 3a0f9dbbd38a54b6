"""Learning rate by epoch."""

import math
from dataclasses import dataclass
from typing import Literal

from mirage.recipes import Recipe, require


@dataclass(frozen=True)
class ScheduleRecipe(Recipe):
    """How the learning rate falls.

    Attributes:
        name: ``multistep`` multiplies by ``gamma`` at each milestone; ``cosine`` falls along half
            a cosine to ``floor``; ``constant`` does not fall.
        milestones: epochs, counted from 0, from which on the next factor holds.
        gamma: factor of each milestone, in (0, 1].
        floor: learning rate the cosine would reach after the last epoch, not negative.
    """

    name: Literal["multistep", "cosine", "constant"] = "constant"
    milestones: tuple[int, ...] = ()
    gamma: float = 0.1
    floor: float = 0.0

    def __post_init__(self) -> None:
        require(
            all(milestone > 0 for milestone in self.milestones)
            and list(self.milestones) == sorted(self.milestones),
            "milestones",
            self.milestones,
            "rising epochs above 0",
        )
        require(
            bool(self.milestones) == (self.name == "multistep"),
            "milestones",
            self.milestones,
            "milestones for multistep and for no other schedule",
        )
        require(0 < self.gamma <= 1, "gamma", self.gamma, "a factor in (0, 1]")
        require(self.floor >= 0, "floor", self.floor, "zero or more")


def learning_rate(schedule: ScheduleRecipe, base: float, epoch: int, epochs: int) -> float:
    """Learning rate in force during one epoch.

    Args:
        schedule: how it falls.
        base: rate of epoch 0.
        epoch: counted from 0.
        epochs: number of epochs; the cosine's half period.

    Source: paper B.3 (multistep); official code, knowledge extraction student (cosine per epoch
    to a floor), as stated in the facts. Same values as PyTorch's MultiStepLR, CosineAnnealingLR.
    """
    if schedule.name == "multistep":
        return base * schedule.gamma ** sum(epoch >= m for m in schedule.milestones)
    if schedule.name == "cosine":
        cosine = math.cos(math.pi * epoch / epochs)
        return schedule.floor + (base - schedule.floor) * (1 + cosine) / 2
    return base
