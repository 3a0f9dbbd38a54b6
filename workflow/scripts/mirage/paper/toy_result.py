"""What the toy example found: its runs, their file, and their table beside the paper's numbers."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from mirage.paper.reference import reference_rows
from mirage.runtime import files

if TYPE_CHECKING:
    import pandas as pd

UNSTOPPED_STEPS = 5_000


@dataclass(frozen=True)
class ToyRun:
    """One trained network and the attack on it.

    Attributes:
        alpha: label smoothing factor.
        seed: seed of the initial weights.
        loss: smoothed cross entropy of the last training step, before its update.
        train_accuracy: share of the points classified correctly in eval mode, in [0, 1].
        steps: 0-based index of the iteration that stopped the attack, as the paper counts; None
            if 10,000 iterations did not reach the goal.
        path: iterates of the attack without its stopping rule, [n + 1, 2], start point first.
        distance: from the end of ``stopped_path`` to the nearest point of the target class (l2).
        unstopped_distance: the same after 5,000 steps without stopping rule (Fig. 8).
        unstopped_confidence: confidence in the target class there, in [0, 1].
        grid: largest softmax value over the plotted square, [100 (y), 100 (x)].
    """

    alpha: float
    seed: int
    loss: float
    train_accuracy: float
    steps: int | None
    path: Tensor
    distance: float
    unstopped_distance: float
    unstopped_confidence: float
    grid: Tensor

    @property
    def stopped_path(self) -> Tensor:
        """Iterates up to the end point; all if the goal was not reached.

        The stopping rule tests the confidence from before the update, so the end point lies one
        update past the first point that reaches the goal (the notebook's order, kept).
        """
        return self.path if self.steps is None else self.path[: self.steps + 2]

    @property
    def unstopped_path(self) -> Tensor:
        """Iterates of 5,000 steps without stopping rule, [5001, 2]."""
        return self.path[: UNSTOPPED_STEPS + 1]


@dataclass(frozen=True)
class ToyResult:
    """The data and all runs, seeds outside, factors inside.

    Attributes:
        points: the training points, [500, 2].
        labels: their classes, int64 [500].
        runs: one per seed and factor.
    """

    points: Tensor
    labels: Tensor
    runs: tuple[ToyRun, ...]


_SCALARS = (
    "alpha", "seed", "loss", "train_accuracy", "steps", "distance", "unstopped_distance",
    "unstopped_confidence",
)  # fmt: skip
_NEVER = -1  # stands for "not reached" in the file's numbers


def save_toy(path: str | Path, result: ToyResult) -> None:
    """Write a result as one safetensors file."""
    rows = [
        [float(_NEVER if (value := getattr(run, name)) is None else value) for name in _SCALARS]
        for run in result.runs
    ]
    tensors = {"points": result.points, "labels": result.labels}
    tensors["scalars"] = torch.tensor(rows, dtype=torch.float64)
    for index, run in enumerate(result.runs):
        tensors |= {f"path.{index}": run.path, f"grid.{index}": run.grid}
    files.save_tensors(path, tensors, {"columns": list(_SCALARS)})


def load_toy(path: str | Path) -> ToyResult:
    """Read what ``save_toy`` wrote.

    Raises:
        MirageError: the file is missing or damaged.
    """
    tensors = files.load_tensors(path)
    runs = []
    for index, row in enumerate(tensors["scalars"].tolist()):
        values = dict(zip(_SCALARS, row, strict=True))
        steps = int(values.pop("steps"))
        runs.append(
            ToyRun(
                **(values | {"seed": int(values["seed"])}),
                steps=None if steps == _NEVER else steps,
                path=tensors[f"path.{index}"],
                grid=tensors[f"grid.{index}"],
            )
        )
    return ToyResult(tensors["points"], tensors["labels"], tuple(runs))


def toy_table(result: ToyResult) -> "pd.DataFrame":
    """The toy example's runs beside the paper's steps and distances (Fig. 1, seed 42).

    Returns:
        One row per seed and factor; ``steps`` is empty where the attack did not reach its goal.
    """
    import pandas as pd

    printed = reference_rows("figure01_toy").set_index("alpha").to_dict("index")
    rows = []
    for run in result.runs:
        paper = printed.get(run.alpha, {}) if run.seed == 42 else {}
        rows.append(
            {
                "alpha": run.alpha,
                "seed": run.seed,
                "steps": run.steps,
                "steps_paper": paper.get("steps"),
                "distance": run.distance,
                "distance_paper": paper.get("distance"),
                "unstopped_distance": run.unstopped_distance,
                "unstopped_confidence": run.unstopped_confidence,
                "loss": run.loss,
                "train_accuracy": run.train_accuracy,
                "mean_confidence": float(run.grid.mean()),
            }
        )
    return pd.DataFrame(rows).astype(
        {"steps": "Int64", "steps_paper": "Int64", "distance_paper": "float64"}
    )
