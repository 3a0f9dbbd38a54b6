"""An item's numbers as claims read them: one row per setting and seed, and what was read."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mirage.errors import MirageError
from mirage.paper.printed import number

if TYPE_CHECKING:
    import pandas as pd

PLACE = ("dataset", "architecture")
"""Columns whose values a claim knows by the paper's names."""
ITEM = "table"
"""Column with the name of the item that a row is of."""
SHOWN = "_shown"
"""Behind the name of such a column, that of the one with the name to print."""


class Absent(Exception):  # noqa: N818 - nothing went wrong: a row is not there
    """A row that a claim asks for is not there."""


@dataclass(frozen=True)
class Read:
    """A number that a claim has read.

    Attributes:
        metric: its column.
        row: what names the row: data set, treatment, samples, and ``cell`` where it is ours.
    """

    metric: str
    row: Mapping[str, Any]


@dataclass
class Ledger:
    """Rows of one item, or of some of them.

    Attributes:
        rows: one per setting and seed; ``dataset``, ``architecture`` and ``seed`` among the
            columns, the first two by the paper's names.
        read: what was read of these rows, and of those they were chosen from.
    """

    rows: "pd.DataFrame"
    read: list[Read] = field(default_factory=list)

    def where(self, **values: object) -> "Ledger":
        """The rows that have these values, or one of a list; perhaps none."""
        rows = self.rows
        for column, value in values.items():
            wanted = value if isinstance(value, list | tuple) else [value]
            rows = rows[rows[column].isin(wanted)] if column in rows else rows.iloc[:0]
        return Ledger(rows, self.read)

    def blocks(self, *columns: str) -> "Iterator[tuple[str, Ledger]]":
        """Rows that are equal in some columns, with their values as a heading."""
        if self.rows.empty:
            return
        held = [name for name in columns if name in self.rows]
        if not held:
            yield "", self
            return
        for _, rows in self.rows.groupby(held, sort=False):
            row = rows.iloc[0]
            names = [_told(name, row.get(f"{name}{SHOWN}", row[name])) for name in held]
            yield ", ".join(filter(None, names)), Ledger(rows, self.read)

    def values(self, column: str) -> list[Any]:
        """Different values of a column, in their order."""
        return list(dict.fromkeys(self.rows[column])) if column in self.rows else []

    def __call__(self, metric: str, **which: object) -> "pd.Series[float]":
        """A number of one row for each seed.

        Raises:
            Absent: there is no such row, or it has no such number.
        """
        chosen = self.where(**which).rows
        if metric not in chosen or chosen[metric].isna().all():
            raise Absent(f"no {metric} of {', '.join(map(str, which.values())) or 'these rows'}")
        chosen = chosen[chosen[metric].notna()]
        if chosen["seed"].duplicated().any():
            raise MirageError(
                f"more than one row has {which} for one seed", "one", "name it by more columns"
            )
        names = [name for name in chosen if not _is_number(chosen[name])]
        for row in chosen[names].to_dict("records"):
            self.read.append(Read(metric, {str(name): value for name, value in row.items()}))
        values: pd.Series[float] = chosen.set_index("seed")[metric].astype(float)
        return values


def _told(column: str, value: object) -> str:
    """A value in a heading."""
    if column == "samples":
        return "" if value == "all" else f"n = {value}"
    return number(value, 3, trim=True) if isinstance(value, float) else str(value)


def _is_number(column: "pd.Series[Any]") -> bool:
    from pandas.api.types import is_float_dtype

    return bool(is_float_dtype(column))


def budgets(ledger: Ledger) -> Sequence[str]:
    """Numbers of training images per person that there are, rising, without ``all``."""
    return sorted((one for one in ledger.values("samples") if one != "all"), key=int)
