"""The numbers of all cells: one row per cell and fidelity."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirage import sheets
from mirage.errors import MirageError
from mirage.evaluation.fidelity import FIDELITIES
from mirage.paper.metrics import ATTACK_METRICS, METRICS, TARGET_METRICS
from mirage.runtime import files
from mirage.study.cells import Attack, Target

if TYPE_CHECKING:
    import pandas as pd

BLOCK = ("dataset", "architecture", "samples", "attack")
"""What is equal for the rows that are compared with one another."""

COLUMNS = ("cell", *BLOCK, "treatment", "alpha", "seed", "fidelity", *METRICS, "note")

# Where the record's word differs from the table's.
_RECORDED = {"test_acc": "test_accuracy", "ece": "calibration_error"}


def collect(
    cells: Iterable[Attack | Target], results: str | Path = "", measure: str = ""
) -> "pd.DataFrame":
    """Read the metrics of cells into one table.

    Args:
        cells: attacks, and targets that nothing attacks.
        results: folder of the results.
        measure: of targets, in both fidelities, whose numbers are those of its targets.

    Returns:
        ``COLUMNS``; accuracies in percent as in the paper, unmeasured metrics empty, ``alpha``
        empty where the treatment is not label smoothing alone, ``attack`` empty for a target; one
        row per cell and fidelity in the given order.

    Raises:
        MirageError: a record is missing, damaged, or not of this form.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for cell in cells:
        target = cell.target if isinstance(cell, Attack) else cell
        path = Path(results, target.path, "metrics.json")
        record = files.read_json(path)
        shared = {
            "cell": cell.path,
            "dataset": target.dataset,
            "architecture": target.architecture,
            "samples": "all" if target.samples is None else str(target.samples),
            "attack": str(cell) if isinstance(cell, Attack) else "",
            "treatment": str(target.treatment),
            "alpha": target.treatment.alpha,
            "seed": target.seed,
            **_numbers(record, TARGET_METRICS, path),
        }
        found, note = _measured(cell, results, measure)
        notes = "; ".join(filter(None, [_note(record), note]))
        for fidelity, values in found.items():
            rows.append({**shared, "note": notes, "fidelity": fidelity, **values})
    table = pd.DataFrame(rows, columns=list(COLUMNS))
    return table.astype({"alpha": float, **dict.fromkeys(METRICS, float)})


def _measured(
    cell: Attack | Target, results: str | Path, measure: str
) -> tuple[dict[str, dict[str, float]], str]:
    """Metrics of an attack, or of a measure of a target, by fidelity; and a note on them.

    None of them for a target without a measure.
    """
    if isinstance(cell, Attack):
        path = Path(results, cell.path, "metrics.json")
    elif measure:
        path = Path(results, "measures", cell.cell, measure, "metrics.json")
    else:
        return {fidelity: {} for fidelity in FIDELITIES}, ""
    found = files.read_json(path)
    if not isinstance(found, dict) or not found:
        raise MirageError(f"{path} holds no metrics", "a mapping per fidelity")
    numbers = {
        fidelity: _numbers(values, ATTACK_METRICS, path)
        for fidelity, values in found.items()
        if fidelity in FIDELITIES
    }
    return numbers, str(found.get("note", ""))


def _note(record: Mapping[str, Any]) -> str:
    """What a target's training did not reach; empty where there is nothing to tell."""
    if "diverged" in record:
        return f"the training diverged: {record['diverged'].get('reason', '')}"
    stop = record.get("stop") or {}
    if stop.get("reached", True):
        return ""
    return f"the goal of its early stop was never reached: {stop.get('reason', stop.get('goal'))}"


def _numbers(values: Any, metrics: Iterable[str], path: str | Path) -> dict[str, float]:
    if not isinstance(values, Mapping):
        raise MirageError(f"{path} is not a record of metrics", "names with numbers")
    found = {}
    for key in metrics:
        value = values.get(_RECORDED.get(key, key))
        if value is None:
            found[key] = float("nan")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found[key] = value * 100.0 if METRICS[key].percent else float(value)
        else:
            raise MirageError(f"{path}: {key} is {value!r}", "a number")
    return found


def select(cells: "pd.DataFrame", **values: object) -> "pd.DataFrame":
    """Keep the rows of a table whose columns have the given values (or one of a list).

    Raises:
        MirageError: no row is left.
    """
    kept = cells
    for column, value in values.items():
        wanted = value if isinstance(value, list | tuple) else [value]
        kept = kept[kept[column].isin(wanted)]
    if kept.empty:
        asked = ", ".join(f"{column} = {value}" for column, value in values.items())
        raise MirageError(f"no attack cell has {asked}", remedy="add such cells or ask for others")
    return kept


def plain(table: "pd.DataFrame") -> "pd.DataFrame":
    """A table for a CSV: without treatments where α tells them all, without notes where none is."""
    needless = {"treatment": table["alpha"].notna().all(), "note": (table["note"] == "").all()}
    return table.drop(columns=[name for name, is_so in needless.items() if is_so])


def write_table(path: str | Path, table: "pd.DataFrame") -> None:
    """Write a table as CSV: every number reads back as the same one, and no text is a formula."""
    words = map(str, table.select_dtypes(exclude="number").columns)
    table = table.assign(**{name: table[name].map(sheets.cell) for name in words})
    files.write_text(path, table.to_csv(index=False, lineterminator="\n"))


def read_table(path: str | Path) -> "pd.DataFrame":
    """Read what ``write_table`` wrote; names stay text.

    Raises:
        MirageError: the file is missing, unreadable or damaged.
    """
    import pandas as pd

    words = dict.fromkeys((*BLOCK, "treatment", "fidelity", "model"), str)
    table = pd.read_csv(files.sound(path), dtype=words)
    named = table.columns.intersection(list(words))
    return table.assign(**{name: table[name].map(sheets.read_cell) for name in named})
