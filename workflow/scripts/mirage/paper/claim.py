"""What a claim of the paper is: a sentence, and the conditions that must hold for it."""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mirage.paper.ledger import Absent, Ledger, Read

if TYPE_CHECKING:
    import pandas as pd

Ledgers = Mapping[str, Ledger]
"""Name of an item, ``Table 2``, -> its rows."""


@dataclass(frozen=True)
class Clause:
    """A number that is above 0 where a statement holds, for each seed.

    Attributes:
        told: the statement.
        margin: gives the number from the rows of a block; raises ``Absent``.
        or_equal: whether 0 is enough.
        absolute: whether a size of the paper's stands in it, which means something only where
            numbers compare with the paper's.
    """

    told: str
    margin: "Callable[[Ledger], pd.Series[float]]"
    or_equal: bool = False
    absolute: bool = False


@dataclass(frozen=True)
class Margin:
    """What a clause is for the rows of one place.

    Attributes:
        clause: the statement.
        values: its number for each seed.
        read: what it was made of.
    """

    clause: Clause
    values: "pd.Series[float]"
    read: tuple[Read, ...]


@dataclass(frozen=True)
class Condition:
    """What a claim asks of one place: all these must hold.

    Attributes:
        where: data set, architecture and what else tells the place from others.
        margins: one per clause.
        tally: which of a claim's counts it belongs to.
    """

    where: str
    margins: tuple[Margin, ...]
    tally: str = ""


@dataclass(frozen=True)
class Claim:
    """One sentence of the paper that can be tested.

    Attributes:
        number: by which it is known.
        sentence: what the paper says, in our words.
        source: where it says so.
        rests_on: names of the items that it is read off, the main one first.
        conditions: its conditions, from the rows of these items.
        least: so many conditions of each tally must hold, of how many the paper has; None: all.
        example: whether it is about one example, run as the paper ran it, so that no spread over
            seeds can decide it and its own numbers do.
        note: what else a reader must know.
    """

    number: int
    sentence: str
    source: str
    rests_on: tuple[str, ...]
    conditions: "Conditions"
    least: tuple[int, int] | None = None
    example: bool = False
    note: str = ""


@dataclass(frozen=True)
class Group:
    """Claims that are told, and corrected for their number, together."""

    letter: str
    title: str
    claims: tuple[Claim, ...]


Conditions = Callable[[Ledgers], Iterator[Condition]]
"""The conditions of a claim, from the rows of its items."""


def settle(
    where: str, ledger: Ledger, clauses: Sequence[Clause], tally: str = ""
) -> Condition | None:
    """The condition of one place; None where it has not all the rows."""
    margins = []
    for clause in clauses:
        ledger.read.clear()
        try:
            values = clause.margin(ledger)
        except Absent:
            return None
        known = values.dropna()
        if known.empty:
            return None
        margins.append(Margin(clause, known, tuple(ledger.read)))
    return Condition(where, tuple(margins), tally)


def in_each(
    item: str, by: Sequence[str], *clauses: Clause, tally: str = "", **which: object
) -> Conditions:
    """A condition for each block of an item's rows.

    Args:
        item: its name.
        by: columns that are equal in a block.
        clauses: what must hold there.
        tally: of these conditions.
        which: rows to look at, column -> value.
    """

    def conditions(ledgers: Ledgers) -> Iterator[Condition]:
        for where, block in ledgers[item].where(**which).blocks(*by):
            found = settle(where, block, clauses, tally)
            if found is not None:
                yield found

    return conditions


def together(*several: Conditions) -> Conditions:
    """The conditions of several, one after the other."""

    def conditions(ledgers: Ledgers) -> Iterator[Condition]:
        for one in several:
            yield from one(ledgers)

    return conditions


def joined(ledgers: Ledgers, chosen: Mapping[str, Mapping[str, Any]]) -> Ledger:
    """Rows of several items under one another, whose names stand in their column ``table``.

    Args:
        ledgers: of all items.
        chosen: item -> which of its rows, column -> value.
    """
    import pandas as pd

    parts = [ledgers[name].where(**which).rows for name, which in chosen.items()]
    held = [part for part in parts if not part.empty]
    return Ledger(pd.concat(held, ignore_index=True) if held else parts[0].iloc[:0])


def more(
    metric: str,
    greater: str | Mapping[str, Any],
    smaller: str | Mapping[str, Any],
    by: float = 0.0,
    least: bool = False,
) -> Clause:
    """One row's number is above another's.

    Args:
        metric: of both.
        greater: treatment of the first row, or what else names it.
        smaller: of the second.
        by: how much above at least, in the paper's numbers; below 0, how much it may fall short.
        least: whether exactly so much is enough.
    """
    first, second = _named(greater), _named(smaller)
    size = f" by {by:g}" if by > 0 else f" or at most {-by:g} below" if by < 0 else ""
    return Clause(
        f"{metric}: {_words(first)} above {_words(second)}{size}",
        lambda rows: rows(metric, **first) - rows(metric, **second) - by,
        or_equal=least or by != 0,
        absolute=by != 0,
    )


def rising(metric: str, *names: str | Mapping[str, Any]) -> tuple[Clause, ...]:
    """A number rises strictly from row to row."""
    return tuple(more(metric, above, below) for below, above in itertools.pairwise(names))


def falling(metric: str, *names: str | Mapping[str, Any]) -> tuple[Clause, ...]:
    """A number falls strictly from row to row."""
    return tuple(more(metric, above, below) for above, below in itertools.pairwise(names))


def _named(row: str | Mapping[str, Any]) -> dict[str, Any]:
    return {"treatment": row} if isinstance(row, str) else dict(row)


def _words(row: Mapping[str, Any]) -> str:
    return " ".join(str(value) for value in row.values())
