"""What was run, and every cell of it with its numbers and links, as the report lists them."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from mirage.paper.metrics import METRICS
from mirage.paper.numbers import BLOCK
from mirage.paper.presentation import Presentation
from mirage.paper.printed import number, treatment_label
from mirage.study.cells import Attack, Target, parse

if TYPE_CHECKING:
    import pandas as pd

CELL_METRICS = ("test_acc", "acc1", "acc5", "delta_face", "delta_eval", "fid", "xi_train")


def summary(numbers: "pd.DataFrame", shown: Presentation) -> dict[str, str]:
    """What was run: name -> value, as text."""
    attacked = numbers[numbers["attack"] != ""]
    targets = numbers.drop_duplicates(["dataset", "architecture", "samples", "treatment", "seed"])
    treatments = targets.drop_duplicates("treatment").sort_values("alpha", ascending=False)

    def listed(rows: "pd.DataFrame", column: str) -> str:
        return "; ".join(dict.fromkeys(shown.label(value) for value in rows[column]))

    return {
        "scale": " – ".join(filter(None, [shown.name, shown.description])),
        "data": listed(numbers, "dataset"),
        "architectures": listed(numbers, "architecture"),
        "training images per class": listed(numbers, "samples"),
        "attacks": listed(attacked, "attack"),
        "smoothing factors and other treatments": ", ".join(
            treatment_label(row) for _, row in treatments.iterrows()
        ),
        "seeds": ", ".join(str(seed) for seed in sorted(numbers["seed"].unique())),
        "trained targets": str(len(targets)),
        "attack cells": str(len(attacked)),
        "arithmetic": shown.fidelity,
    }


def cell_rows(
    numbers: "pd.DataFrame", shown: Presentation, released: Collection[Target]
) -> list[dict[str, Any]]:
    """Every cell with its numbers and links."""
    return [
        {
            "setting": [shown.label(row[name]) for name in (*BLOCK, "treatment")],
            "path": row["cell"],
            "seed": row["seed"],
            "values": [number(row[name], METRICS[name].digits) for name in CELL_METRICS],
            "links": links(parse(row["cell"]), released),
            "note": row["note"],
        }
        for _, row in numbers.iterrows()
    ]


def links(cell: Attack | Target, released: Collection[Target]) -> dict[str, str]:
    """What the report links to, relative to it: what a cell's jobs left."""
    target = cell.target if isinstance(cell, Attack) else cell
    made_by = "import_target" if target in released else "train_target"
    found = {
        "metrics": f"{cell.path}/metrics.json",
        "training log": f"logs/{made_by}/{target.cell}.log",
        "training settings": f"jobs/{made_by}/{target.cell}.json",
    }
    if isinstance(cell, Attack):
        sampled = Attack(cell.runner("sample"), cell.name)  # its candidates are the attack's
        found |= {
            "classes": f"{cell.path}/per_class.csv",
            "attack settings": f"jobs/run_stage/{sampled.target.cell}/{sampled}/candidates.json",
            "score log": f"logs/score_attack/{target.cell}/{cell}.log",
        }
    return found
