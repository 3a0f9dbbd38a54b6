"""Which numbers of a table are like the paper's, row by row, and the rest in its footnotes."""

from typing import TYPE_CHECKING, Any

from mirage.paper import evidence
from mirage.paper.ledger import ITEM, PLACE, Read
from mirage.paper.like_for_like import Gate
from mirage.paper.metrics import METRICS

if TYPE_CHECKING:
    import pandas as pd

    from mirage.paper.item import Table

_NAMED_BY = (*PLACE, "samples", "attack", "variant", "treatment", "sampled_by", "selected_by")


def marked(table: "Table", rows: "pd.DataFrame", gate: Gate) -> "tuple[pd.DataFrame, list[str]]":
    """Ask the gate about every number beside which one of the paper's stands.

    Args:
        table: the item.
        rows: from ``tables.make``.
        gate: of the study.

    Returns:
        The rows with ``<metric>_like`` where a number is like the paper's, and a footnote for each
        set of reasons why others are not, with the columns that have it.
    """
    cells = _cells(table, rows, gate)
    columns: dict[tuple[str, ...], dict[str, None]] = {}
    likes: dict[str, list[bool]] = {metric: [] for metric in table.metrics}
    for (_, row), cell in zip(rows.iterrows(), cells, strict=True):
        for metric in table.metrics:
            printed = row[f"{metric}_paper"] == row[f"{metric}_paper"]
            reasons = gate.reasons(Read(metric, cell)) if printed else []
            if reasons:
                columns.setdefault(tuple(reasons), {})[METRICS[metric].title] = None
            likes[metric].append(printed and not reasons)
    told = [
        f"Not like the paper's, so that the difference says nothing: {', '.join(titles)} "
        f"({'; '.join(reasons)})."
        for reasons, titles in columns.items()
    ]
    return rows.assign(**{f"{metric}_like": values for metric, values in likes.items()}), told


def _cells(table: "Table", rows: "pd.DataFrame", gate: Gate) -> list[dict[str, Any]]:
    """For each row what names it to the gate, the first of its cells among it."""
    numbers = evidence.by_seed(table, gate.study, gate.shown)
    papers = evidence.as_papers(numbers, gate.study, gate.shown)
    names = [name for name in _NAMED_BY if name in rows and name in numbers]
    firsts: dict[tuple[str, ...], dict[str, Any]] = {}
    for (_, row), (_, paper) in zip(numbers.iterrows(), papers.iterrows(), strict=True):
        key = tuple(map(str, row[names]))
        named = {str(name): value for name, value in paper.to_dict().items()}
        firsts.setdefault(key, {**named, ITEM: table.name})
    return [firsts.get(tuple(map(str, row[names])), {}) for _, row in rows.iterrows()]
