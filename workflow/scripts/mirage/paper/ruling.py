"""Verdicts on claims: their words, and what each rests on."""

import math
from dataclasses import dataclass

from mirage.paper.printed import number

HOLDS, FAILS, UNDECIDED, NOT_RUN, NOT_COMPARABLE, IN_PART, NOT_PRINTED = (
    "holds", "fails", "undecided", "not run", "not comparable", "holds in part",
    "no number printed",
)  # fmt: skip


@dataclass(frozen=True)
class Tested:
    """One margin of one place, and what it shows.

    Attributes:
        where: the place.
        told: what should hold there.
        tally: which of a claim's counts it belongs to.
        outcome: whether it does.
        mean: of the margin over seeds, above 0 where the statement holds.
        low: end of the interval that decides; NaN where none does.
        high: its other end.
        level: its confidence, after Holm.
        error: of the mean; NaN without a spread.
        p: of the test, before; NaN where there is none.
        seeds: how many.
        held: in how many of them it holds.
        reasons: why it is not comparable.
        cells: whose numbers it rests on.
    """

    where: str
    told: str
    tally: str
    outcome: str
    mean: float
    seeds: int
    held: int
    low: float = math.nan
    high: float = math.nan
    level: float = math.nan
    error: float = math.nan
    p: float = math.nan
    reasons: tuple[str, ...] = ()
    cells: tuple[str, ...] = ()

    @property
    def shown(self) -> str:
        """Number and interval, or count, in words."""
        digits = _digits(self.mean, self.high - self.low)
        mean = number(self.mean, digits, sign=True)
        if math.isnan(self.low):
            return f"{mean} ({self.held} of {self.seeds} seeds)"
        ends = f"[{number(self.low, digits)}, {number(self.high, digits)}]"
        return (
            f"{mean} {ends}, {number(100 * self.level, 2, trim=True)} % interval, n = {self.seeds}"
        )


@dataclass(frozen=True)
class Ruling:
    """A claim's verdict.

    Attributes:
        verdict: one of the words above.
        why: what decides it.
        held: conditions that hold.
        of: conditions that there are.
        tested: all margins.
    """

    verdict: str
    why: str
    held: int = 0
    of: int = 0
    tested: tuple[Tested, ...] = ()


def _digits(mean: float, width: float) -> int:
    """Decimals that show two digits of an interval's width, or three of a number."""
    size = width if width > 0 else abs(mean) / 10
    if not 0 < size < math.inf:
        return 1
    return min(max(1 - math.floor(math.log10(size)), 0), 6)
