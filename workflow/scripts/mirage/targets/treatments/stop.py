"""Early stopping at the test accuracy of another cell: ``ls0.1+stop@ls-0.05``."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from mirage.recipes import require
from mirage.targets.parts import TreatmentPart


@dataclass(frozen=True)
class EarlyStop(TreatmentPart):
    """End after the first epoch whose test accuracy reaches that of another treatment.

    The weights of that epoch are kept. The test set decides when to end, as in the paper, so the
    accuracy that is reported is chosen on the images it is measured on. Up to the end the training
    is the one without this part, step for step.

    Attributes:
        like: the treatment of the cell whose accuracy is the goal, all else being equal.
        goal: that accuracy, in [0, 1]; None before the cell is there.

    Source: paper C.6 (Table 9).
    """

    like: str
    goal: float | None = None

    place: ClassVar[int] = 9
    sibling: ClassVar[str] = "like"
    watches_test: ClassVar[bool] = True

    def __post_init__(self) -> None:
        goal = self.goal
        require(goal is None or 0 <= goal <= 1, "goal", goal, "a share in [0, 1]")

    def told(self, metrics: Mapping[str, Any]) -> Self:
        """Take the other cell's test accuracy as the goal."""
        return replace(self, goal=metrics["test_accuracy"])

    def stops(self, history: Sequence[Mapping[str, float]]) -> bool:
        """Whether the last epoch reaches the goal."""
        return self.goal is not None and history[-1]["test_accuracy"] >= self.goal

    def result(self, history: Sequence[Mapping[str, float]]) -> dict[str, Any]:
        """Goal, whether it was reached, after how many epochs, and if not the reason."""
        reached = self.stops(history)
        told = {"like": self.like, "goal": self.goal, "reached": reached, "epochs": len(history)}
        if reached:
            return told
        best = max(row["test_accuracy"] for row in history)
        reason = (
            f"no epoch of {len(history)} reached {self.goal:.4f}, the test accuracy of "
            f"{self.like}; the best had {best:.4f}"
        )
        return {**told, "reason": reason}


PART = EarlyStop
