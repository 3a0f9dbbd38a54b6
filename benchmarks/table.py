"""Rows of the printed table."""

from collections.abc import Sequence
from typing import NamedTuple

from torch import Tensor

from benchmarks.paired import Ratio


class Row(NamedTuple):
    """One comparison; fields that do not apply are None.

    Attributes:
        name: the work.
        ratio: reference / ours: of times, or of counts with low = high.
        unit: of ``ratio.ours`` and ``ratio.reference``: ``s``, ``ms`` or ``passes``.
        expected: least ratio asked for; None where none was set.
        agreement: what was compared, and the largest difference found.
        tolerance: allowed difference.
    """

    name: str
    ratio: Ratio
    unit: str
    expected: float | None
    agreement: tuple[str, float]
    tolerance: float

    @property
    def agrees(self) -> bool:
        """Whether ours and the reference computed the same."""
        return self.agreement[1] <= self.tolerance


HEADER = ("work", "ours", "reference", "ratio (min..max)", "expected", "agreement")


def cells(row: Row) -> tuple[str, ...]:
    """Texts of one row."""
    r = row.ratio
    what, gap = row.agreement
    verdict = "agrees" if row.agrees else "DIFFERS"
    return (
        row.name,
        f"{r.ours:.4g} {row.unit}",
        f"{r.reference:.4g} {row.unit}",
        f"{r.median:.2f} ({r.low:.2f}..{r.high:.2f})",
        "" if row.expected is None else f">= {row.expected:g}",
        f"{verdict}: {what} {gap:.1e} <= {row.tolerance:.0e}",
    )


def table(rows: Sequence[Row]) -> str:
    """Markdown table of comparisons."""
    return markdown(HEADER, [cells(row) for row in rows])


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown table with aligned columns."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = [
        "| "
        + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        + " |"
        for line in lines
    ]
    texts.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(texts)


def relative(ours: Tensor, reference: Tensor) -> float:
    """Largest difference of two tensors, relative to the largest value of the reference."""
    return float((ours - reference).abs().max() / reference.abs().max())
