"""The table of all attack cells: one row per attacked target and fidelity."""

import io
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirage import sheets
from mirage.errors import MirageError
from mirage.paper.metrics import ATTACK_METRICS, METRICS, TARGET_METRICS
from mirage.runtime import files

if TYPE_CHECKING:
    import pandas as pd

BLOCK = ("dataset", "architecture", "samples", "attack")
"""What is equal for the rows that are compared with one another."""

IDENTITY = (
    "dataset", "architecture", "samples", "treatment", "alpha", "seed", "attack",
)  # fmt: skip
COLUMNS = (*IDENTITY, "fidelity", *METRICS)

# Where the record's word differs from the table's.
_RECORDED = {"test_acc": "test_accuracy", "ece": "calibration_error"}


@dataclass(frozen=True)
class CellRecord:
    """Where the numbers of one attack cell lie.

    Attributes:
        dataset: name of the private data set.
        architecture: of the target.
        samples: training images per class, or ``"all"``.
        treatment: e.g. ``ls-0.05``.
        alpha: smoothing factor; None for treatments that are no label smoothing.
        seed: of the experiment.
        attack: name of the attack.
        target: record of the target, JSON with ``test_accuracy`` (0 to 1) and ``ece``.
        metrics: record of the attack, JSON with one mapping of metrics per fidelity, shares of 1.
        links: what the report shall link to, e.g. ``{"log": "logs/x.log"}``, relative to it.
    """

    dataset: str
    architecture: str
    samples: str | int
    treatment: str
    alpha: float | None
    seed: int
    attack: str
    target: str | Path
    metrics: str | Path
    links: Mapping[str, str] = field(default_factory=dict)


def collect(records: Iterable[CellRecord]) -> "pd.DataFrame":
    """Read the records of all cells into one table.

    Args:
        records: one per attack cell.

    Returns:
        ``COLUMNS`` and one column ``link_<name>`` per kind of link; accuracies in percent as in
        the paper, unmeasured metrics empty, one row per cell and fidelity in the given order.

    Raises:
        MirageError: a record is missing, damaged, or not of this form.
    """
    import pandas as pd

    rows: list[dict[str, Any]] = []
    for record in records:
        identity = {name: getattr(record, name) for name in IDENTITY}
        identity["samples"] = str(record.samples)
        links = {f"link_{name}": path for name, path in record.links.items()}
        target = _numbers(files.read_json(record.target), TARGET_METRICS, record.target)
        by_fidelity = files.read_json(record.metrics)
        if not isinstance(by_fidelity, dict) or not by_fidelity:
            raise MirageError(f"{record.metrics} holds no metrics", "a mapping per fidelity")
        for fidelity, values in by_fidelity.items():
            if fidelity in FIDELITIES:
                attack = _numbers(values, ATTACK_METRICS, record.metrics)
                rows.append({**identity, "fidelity": fidelity, **target, **attack, **links})
    extra = [name for name in dict.fromkeys(key for row in rows for key in row)]
    table = pd.DataFrame(rows, columns=list(dict.fromkeys([*COLUMNS, *extra])))
    return table.astype({"alpha": float, **dict.fromkeys(METRICS, float)})


FIDELITIES = ("paper", "corrected")


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
    """Keep the rows whose columns have the given values.

    Args:
        cells: any table with these columns.
        values: column -> value, or a list of values.

    Raises:
        MirageError: no row is left.
    """
    kept = cells
    for column, value in values.items():
        wanted = value if isinstance(value, list | tuple) else [value]
        if column == "samples":
            wanted = [str(item) for item in wanted]
        kept = kept[kept[column].isin(wanted)]
    if kept.empty:
        asked = ", ".join(f"{column} = {value}" for column, value in values.items())
        raise MirageError(f"no attack cell has {asked}", remedy="add such cells or ask for others")
    return kept


def write_table(path: str | Path, table: "pd.DataFrame") -> None:
    """Write a table as CSV in full precision (each number reads back as the same number).

    Text that a spreadsheet would run is marked (``sheets.cell``).
    """
    text = io.StringIO()
    words = map(str, table.select_dtypes(exclude="number").columns)
    named = {name: table[name].map(sheets.cell) for name in words}
    table = table.assign(**named)
    table.to_csv(text, index=False, lineterminator="\n")
    files.write_text(path, text.getvalue())


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
