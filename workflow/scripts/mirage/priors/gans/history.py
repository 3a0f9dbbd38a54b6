"""Losses of a long training: means over windows of steps, and the end where one is no number."""

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from mirage.errors import MirageError
from mirage.runtime.checkpoint import State

_ROWS = 100


class History:
    """A row of mean losses for each hundredth of a training.

    Sums stay on the device: reading a loss each step would make the device wait.
    """

    def __init__(self, columns: Sequence[str], steps: int, device: str, settings: str) -> None:
        """Keep ``columns`` over ``steps`` steps; ``settings`` may keep losses from diverging."""
        self.columns, self.steps, self.settings = tuple(columns), steps, settings
        self.window = max(1, steps // _ROWS)
        self.sums = torch.zeros(len(self.columns), dtype=torch.float64, device=device)
        self.counts = torch.zeros(len(self.columns), dtype=torch.float64)
        self.rows: list[list[float]] = []

    def add(self, step: int, losses: Mapping[str, Tensor]) -> None:
        """Take the losses of a step, counted from 1; a column may be missing.

        Raises:
            MirageError: the window that ends here had a loss that is no finite number.
        """
        for place, column in enumerate(self.columns):
            if column in losses:
                self.sums[place] += losses[column].detach()
                self.counts[place] += 1
        if step % self.window == 0 or step == self.steps:
            self._close(step)

    def _close(self, step: int) -> None:
        sums = self.sums.cpu()
        lost = [c for c, total in zip(self.columns, sums, strict=True) if not total.isfinite()]
        if lost:
            raise MirageError(
                f"the prior's training has diverged by step {step} of {self.steps}: no finite "
                f"number is the loss of its {lost[0]}",
                remedy=f"lower {self.settings} in the prior's recipe, or give it another seed",
            )
        # 0 / 0 stands for a column that the window has not seen.
        self.rows.append([float(step), *(sums / self.counts).tolist()])
        self.sums.zero_()
        self.counts.zero_()

    def note(self) -> str:
        """The last row in words."""
        if not self.rows:
            return ""
        pairs = zip(self.columns, self.rows[-1][1:], strict=True)
        return ", ".join(f"{name} {value:.2f}" for name, value in pairs if value == value)

    def told(self) -> dict[str, list[float | None]]:
        """Columns, JSON-able, with ``step``; None where a window has no such loss."""
        columns = zip(*self.rows, strict=True)
        names = ("step", *self.columns)
        return {
            name: [float(f"{value:.6g}") if value == value else None for value in column]
            for name, column in zip(names, columns, strict=True)
        }

    def state(self) -> State:
        """Everything a resumed training needs."""
        rows = torch.tensor(self.rows, dtype=torch.float64).view(-1, 1 + len(self.columns))
        return {"history.rows": rows, "history.sums": self.sums, "history.counts": self.counts}

    def restore(self, state: State) -> None:
        """Take over what ``state`` returned."""
        self.rows = state["history.rows"].tolist()
        self.sums.copy_(state["history.sums"])
        self.counts.copy_(state["history.counts"])
