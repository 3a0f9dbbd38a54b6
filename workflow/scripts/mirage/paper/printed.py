"""Tables rounded for readers: what stands in each cell, whatever it is printed with."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mirage.paper.cells import BLOCK
from mirage.paper.metrics import METRICS, TABLE1, TABLE2, Metric

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Scale:
    """What the numbers were made with.

    Attributes:
        name: ``demo`` or ``paper``.
        comparable: whether our numbers may be held against the paper's.
        description: data, image size and networks in a sentence.
        networks: metric -> the network that gives it, told in footnotes.
        labels: our names -> names to print, e.g. ``{"orl": "ORL faces"}``.
        shared: what all seeds have in common, so that no spread over seeds counts it.
        interval: half-width of the 95 % intervals that the number of seeds was chosen for, in
            percentage points of Acc@1; None where no such choice was made.
    """

    name: str
    comparable: bool
    description: str = ""
    networks: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)
    shared: tuple[str, ...] = ()
    interval: float | None = None

    def label(self, name: object) -> str:
        """The name to print."""
        return self.labels.get(str(name), str(name))


@dataclass(frozen=True)
class Cell:
    """One printed number and what stands with it; empty strings where there is nothing.

    Attributes:
        ours: our mean.
        spread: standard deviation over seeds.
        seeds: in how many of the row's seeds it was measured, if not in all: ``5 of 8 seeds``.
        change: signed change against Standard.
        effect: ``improvement`` or ``defence`` if the change has a direction, from the attacker's
            point of view (the paper's green and red).
        best: whether it is the best of its block in this column.
        paper: the paper's number.
        difference: ours minus the paper's, signed.
    """

    ours: str
    spread: str
    seeds: str
    change: str
    effect: str
    best: bool
    paper: str
    difference: str


@dataclass(frozen=True)
class Row:
    """One setting: its name, the number of seeds, one cell per column."""

    label: str
    n_seeds: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Block:
    """Rows that compare with one another; whose of the paper's rows stand beside them."""

    heading: str
    paper: str
    rows: tuple[Row, ...]


@dataclass(frozen=True)
class Printed:
    """A table ready for a template."""

    name: str
    title: str
    first: str
    columns: tuple[Metric, ...]
    blocks: tuple[Block, ...]
    fidelity: str
    seeds: tuple[int, ...]
    has_paper: bool
    has_change: bool


@dataclass(frozen=True)
class _Layout:
    title: tuple[str, str]
    first: str
    metrics: tuple[str, ...]
    digits: Mapping[str, int]
    paper_digits: Mapping[str, int]


def print_table1(table: "pd.DataFrame", scale: Scale) -> Printed:
    """Round Table 1, one decimal for percent and two for distances as the paper does."""
    digits = {"test_acc": 1, "acc1": 1, "delta_face": 2, "xi_train": 1}
    ours = digits if scale.comparable else {**digits, "delta_face": 3}  # small networks: small gaps
    title = ("Table 1", "Attack results with positive and negative label smoothing")
    layout = _Layout(title, "Model", TABLE1, ours, digits)
    return _printed(table, scale, layout, lambda row: str(row["model"]))


def print_table2(table: "pd.DataFrame", scale: Scale) -> Printed:
    """Round Table 2 with the paper's decimals."""
    digits = {name: METRICS[name].digits for name in TABLE2}
    title = ("Table 2", "Attack results for all smoothing factors")
    layout = _Layout(title, "α", TABLE2, digits, digits)
    return _printed(table, scale, layout, lambda row: number(row["alpha"], 3, trim=True))


def number(value: object, digits: int, sign: bool = False, trim: bool = False) -> str:
    """Print a number.

    Args:
        value: the number; None and NaN print as nothing.
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
    table: "pd.DataFrame", scale: Scale, layout: _Layout, label: "Callable[[pd.Series[Any]], str]"
) -> Printed:
    columns = tuple(METRICS[name] for name in layout.metrics)
    blocks = []
    for _, rows in table.groupby(list(BLOCK), sort=False):
        marks = {
            metric.key: best_of(
                rows[metric.key].tolist(), metric.towards, layout.digits[metric.key]
            )
            for metric in columns
        }
        printed = tuple(
            Row(
                label(row),
                int(row["n_seeds"]),
                tuple(
                    _cell(row, metric, layout, marks[metric.key][position]) for metric in columns
                ),
            )
            for position, (_, row) in enumerate(rows.iterrows())
        )
        blocks.append(Block(heading(rows.iloc[0], scale), _paper_heading(rows), printed))
    return Printed(
        *layout.title,
        first=layout.first,
        columns=columns,
        blocks=tuple(blocks),
        fidelity=", ".join(table["fidelity"].unique()),
        seeds=tuple(int(n) for n in table["n_seeds"]),
        has_paper=bool(table["paper_setting"].notna().any()),
        has_change=any(f"{name}_change" in table for name in layout.metrics),
    )


def _cell(row: "pd.Series[Any]", metric: Metric, layout: _Layout, best: bool) -> Cell:
    key, digits, paper_digits = metric.key, layout.digits, layout.paper_digits
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
        paper=number(row[f"{key}_paper"], paper_digits[key]),
        difference=number(row[f"{key}_difference"], paper_digits[key], sign=True),
    )


def _paper_heading(rows: "pd.DataFrame") -> str:
    settings = rows["paper_setting"].dropna().unique()
    return f"paper: {settings[0]}" if len(settings) else ""


def heading(names: "Mapping[str, Any] | pd.Series[Any]", scale: Scale) -> str:
    """Name a block of rows: data set, architecture, samples per class, attack."""
    per_class = str(names["samples"])
    samples = (
        "all training images"
        if per_class == "all"
        else f"{per_class} training image{'' if per_class == '1' else 's'} per class"
    )
    parts = [scale.label(names["dataset"]), scale.label(names["architecture"]), samples]
    return ", ".join([*parts, scale.label(names["attack"])])
