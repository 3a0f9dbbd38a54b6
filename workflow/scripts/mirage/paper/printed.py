"""Tables rounded for readers: what stands in each cell, whatever it is printed with."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from mirage.paper.metrics import METRICS, Metric
from mirage.paper.numbers import BLOCK
from mirage.paper.tables import make_ours

if TYPE_CHECKING:
    import pandas as pd

    from mirage.paper.item import Table
    from mirage.paper.presentation import Presentation


@dataclass(frozen=True)
class Cell:
    """One printed number and what stands with it; empty strings where there is nothing.

    Attributes:
        ours: our mean.
        spread: standard deviation over seeds.
        seeds: in how many of the row's seeds it was measured, if not in all: ``5 of 8 seeds``.
        change: signed change against Standard.
        effect: ``improvement`` or ``defence``, as the attacker sees it (the paper's colours).
        best: whether it is the best of its block in this column.
        paper: the paper's number.
        difference: ours minus the paper's, signed.
        like: whether the two were measured alike.
    """

    ours: str
    spread: str
    seeds: str
    change: str
    effect: str
    best: bool
    paper: str
    difference: str
    like: bool


@dataclass(frozen=True)
class Row:
    """One setting: its name, the number of seeds, one cell per column; a note if there is one."""

    label: str
    n_seeds: int
    cells: tuple[Cell, ...]
    note: str


@dataclass(frozen=True)
class Block:
    """Rows that compare with one another; whose of the paper's rows stand beside them."""

    heading: str
    paper: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Printed:
    """A table ready for a template."""

    item: "Table"
    caption: str
    columns: tuple[Metric, ...]
    blocks: tuple[Block, ...]
    fidelity: str
    seeds: tuple[int, ...]
    has_paper: bool
    has_change: bool
    reading: tuple[str, ...] = ()

    @property
    def notes(self) -> list[str]:
        """What is to be told of single rows, and of all together."""
        rows = ((block.heading, row) for block in self.blocks for row in block.rows)
        told = [f"{heading}, {row.label}: {row.note}." for heading, row in rows if row.note]
        return [*told, *self.reading]


def print_table(
    table: "Table",
    numbers: "pd.DataFrame",
    rows: "pd.DataFrame",
    shown: "Presentation",
    reading: Sequence[str] = (),
) -> list[Printed]:
    """Round a table with the paper's decimals, or finer ones where our data are not the paper's.

    Returns:
        The paper's columns, and as a table of its own what the paper does not print.
    """
    paper = {name: table.digits.get(name, METRICS[name].digits) for name in table.metrics}
    ours = paper if shown.comparable else {**paper, **table.finer}
    told = _printed(table, table.told(comparable=True), rows, shown, ours, paper)
    parts = [replace(told, reading=tuple(reading))]
    others = make_ours(table, numbers)
    if others is not None:
        caption = f"{table.title}: ours, not in the paper."
        parts.append(print_ours(table, caption, others, table.ours, shown))
    return parts


def print_ours(
    table: "Table",
    caption: str,
    rows: "pd.DataFrame",
    names: Sequence[str],
    shown: "Presentation",
) -> Printed:
    """Round rows of metrics that the paper does not print, as a table of its own."""
    digits = {name: METRICS[name].digits for name in names}
    return _printed(table, caption, rows, shown, digits, digits)


def treatment_label(row: "pd.Series[Any]") -> str:
    """A treatment as readers see it: α where it is label smoothing alone, else as in a path."""
    return number(row["alpha"], 3, trim=True) or str(row["treatment"])


def number(value: object, digits: int, sign: bool = False, trim: bool = False) -> str:
    """Print a number with so many decimals; nothing for None and NaN.

    Args:
        value: the number.
        digits: decimals.
        sign: also write a plus sign; zero gets none.
        trim: drop trailing zeros.

    Returns:
        Text with a proper minus sign; what rounds to zero has none.
    """
    if value is None or math.isnan(float(value)):  # type: ignore[arg-type]
        return ""
    text = f"{float(value):.{digits}f}"  # type: ignore[arg-type]
    if trim and "." in text:
        text = text.rstrip("0").rstrip(".")
    if float(text) == 0:
        text = text.lstrip("-")
    elif sign and not text.startswith("-"):
        text = "+" + text
    return text.replace("-", "−")


def plus_minus(mean: float, margin: float, digits: int, unit: str = "") -> str:
    """A signed mean with the half-width of its interval, if there is one: ``+1.0 ± 0.3 pp``."""
    error = number(margin, digits)
    return number(mean, digits, sign=True) + (f" ± {error}" if error else "") + unit


def best_of(values: Sequence[float], towards: int, digits: int) -> list[bool]:
    """Mark the best values as printed: equal prints are equally best.

    Args:
        values: one column of one block; NaN never wins.
        towards: 1 larger is better, -1 smaller, 0 no direction (nothing is marked).
        digits: decimals as printed.

    Returns:
        One mark per value; none where fewer than two values compare, or all print alike.
    """
    rounded = [round(value * towards, digits) for value in values]
    known = [value for value in rounded if not math.isnan(value)]
    if towards == 0 or len(known) < 2 or len(set(known)) == 1:
        return [False] * len(values)
    return [value == max(known) for value in rounded]


def _printed(
    table: "Table",
    caption: str,
    rows: "pd.DataFrame",
    shown: "Presentation",
    digits: Mapping[str, int],
    paper_digits: Mapping[str, int],
) -> Printed:
    columns = tuple(METRICS[name] for name in digits)
    blocks = []
    for _, block in rows.groupby(list(BLOCK), sort=False):
        marks = {
            key: best_of(block[key].tolist(), METRICS[key].towards, digits[key]) for key in digits
        }
        printed = tuple(
            Row(
                table.label(row, shown) + (" †" if row["note"] else ""),
                int(row["n_seeds"]),
                tuple(
                    _cell(row, metric, digits, paper_digits, marks[metric.key][position])
                    for metric in columns
                ),
                str(row["note"]),
            )
            for position, (_, row) in enumerate(block.iterrows())
        )
        blocks.append(Block(heading(block.iloc[0], shown), _paper_heading(block), printed))
    return Printed(
        item=table,
        caption=caption,
        columns=columns,
        blocks=tuple(blocks),
        fidelity=", ".join(rows["fidelity"].unique()),
        seeds=tuple(int(n) for n in rows["n_seeds"]),
        has_paper=any(block.paper for block in blocks),
        has_change=any(f"{name}_change" in rows for name in digits),
    )


def _cell(
    row: "pd.Series[Any]",
    metric: Metric,
    digits: Mapping[str, int],
    paper_digits: Mapping[str, int],
    best: bool,
) -> Cell:
    key = metric.key
    change = row.get(f"{key}_change") if metric.of_attack else None
    told = number(change, digits[key], sign=True)
    measured, seeds = int(row[f"{key}_seeds"]), int(row["n_seeds"])
    moves = told[:1] in ("+", "−")
    helps = (told[:1] == "+") == (metric.towards > 0)
    return Cell(
        ours=number(row[key], digits[key]),
        spread=number(row[f"{key}_seed_sd"], digits[key]),
        seeds=f"{measured} of {seeds} seeds" if 0 < measured < seeds else "",
        change=told,
        effect=("improvement" if helps else "defence") if moves and metric.towards else "",
        best=best,
        paper=number(row.get(f"{key}_paper"), paper_digits[key]),
        difference=number(row.get(f"{key}_difference"), paper_digits[key], sign=True),
        like=bool(row.get(f"{key}_like", False)),
    )


def _paper_heading(rows: "pd.DataFrame") -> str:
    settings = list(rows["paper_setting"].dropna()) if "paper_setting" in rows else []
    return f"paper: {settings[0]}" if settings else ""


def heading(names: "Mapping[str, Any] | pd.Series[Any]", shown: "Presentation") -> str:
    """Name a block of rows: data set, architecture, samples per class, attack."""
    dataset, architecture, samples, attack = (shown.label(names[column]) for column in BLOCK)
    plural = "" if samples == "1" else "s"
    images = f"{samples} training image{plural}" + ("" if samples == "all" else " per class")
    return ", ".join(filter(None, [dataset, architecture, images, attack]))
