"""What the paper says of two rows of a table, and whether it shows here."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mirage.paper.effects import LEVEL, told
from mirage.paper.metrics import METRICS
from mirage.paper.numbers import BLOCK, collect, select
from mirage.paper.printed import heading
from mirage.paper.tables import STANDARD
from mirage.study.grammar import number
from mirage.study.treatment import Treatment

if TYPE_CHECKING:
    import pandas as pd

    from mirage.paper.item import Needs
    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study

LEAKED = ("acc1", "delta_face", "xi_train")
"""Metrics of what an attack learns."""


@dataclass(frozen=True)
class Comparison:
    """Two rows, one of which helps the attacker more, the paper says.

    Attributes:
        claim: what it says, in a few words without a full stop.
        better: column -> value of the row that does better for the attacker.
        worse: the same of the other.
        metrics: in which it does.
    """

    claim: str
    better: Mapping[str, str]
    worse: Mapping[str, str]
    metrics: Sequence[str]


def against_hard_labels(
    factors: Iterable[float] = (0.1, -0.05), metrics: Sequence[str] = LEAKED
) -> list[Comparison]:
    """What the paper says of label smoothing: a positive α gives more away, a negative one less.

    Args:
        factors: of the smoothing; 0 is left out.
        metrics: in which it shows.
    """
    hard = {"treatment": STANDARD}
    found = []
    for alpha in factors:
        own = {"treatment": str(Treatment.smoothing(alpha))}
        name = f"α = {number(alpha)}".replace("-", "−")
        if alpha > 0:
            found.append(Comparison(f"{name} gives more away than hard labels", own, hard, metrics))
        elif alpha < 0:
            found.append(Comparison(f"{name} gives less away than hard labels", hard, own, metrics))
    return found


def read(
    numbers: "pd.DataFrame",
    comparisons: Sequence[Comparison],
    shown: "Presentation",
    blocks: Sequence[str] = BLOCK,
) -> list[str]:
    """Hold comparisons against the cells: each pair of rows with the same seed is a difference.

    Args:
        numbers: of cells, of one fidelity, with the columns that the comparisons name.
        comparisons: what the paper says.
        shown: gives the names to print.
        blocks: columns that are equal for rows that compare.

    Returns:
        A sentence per comparison and block that has both rows: mean difference for each metric
        with its 95 % t interval over seeds, and whether that shows what the paper says.
    """
    found = []
    several = numbers.groupby(list(blocks), sort=False).ngroups > 1
    for _, block in numbers.groupby(list(blocks), sort=False):
        where = f"{heading(block.iloc[0], shown)}: " if several else ""
        for comparison in comparisons:
            shows = list(_shows(block, comparison))
            if shows:
                found.append(f"{where}{comparison.claim}: {'; '.join(shows)}.")
    return found


def reader(
    needs: "Callable[[Study], Needs]",
    comparisons: Sequence[Comparison],
    named: "Callable[[pd.DataFrame], pd.DataFrame]" = lambda numbers: numbers,
) -> "Callable[[Study, Presentation], list[str]]":
    """What reads a table: the comparisons, over the cells it needs.

    Args:
        needs: of the table.
        comparisons: what the paper says of it.
        named: adds the columns that they name.
    """
    numbers = seed_by_seed(needs, named)
    return lambda study, shown: explained(read(numbers(study, shown), comparisons, shown))


def seed_by_seed(
    needs: "Callable[[Study], Needs]", named: "Callable[[pd.DataFrame], pd.DataFrame]"
) -> "Callable[[Study, Presentation], pd.DataFrame]":
    """What gives the numbers of a table's cells, with the columns that ``named`` adds."""

    def numbers(study: "Study", shown: "Presentation") -> "pd.DataFrame":
        return named(select(collect(needs(study).attacks), fidelity=shown.fidelity))

    return numbers


def explained(sentences: Sequence[str]) -> list[str]:
    """Such sentences after one that says how to read them; none where there are none."""
    if not sentences:
        return []
    level = round(100 * LEVEL)
    head = f"What the paper says, and our difference with its {level} % interval over seeds."
    return [head, *sentences]


def _shows(block: "pd.DataFrame", comparison: Comparison) -> Iterator[str]:
    better, worse = (_row(block, which) for which in (comparison.better, comparison.worse))
    pairs = better.merge(worse, on="seed", suffixes=("", "_worse"))
    for metric in comparison.metrics:
        differences = (pairs[metric] - pairs[f"{metric}_worse"]).dropna()
        if differences.empty:
            continue
        spec = METRICS[metric]
        yield f"{spec.title} {told(differences, spec.towards, *spec.of_differences)}"


def _row(block: "pd.DataFrame", which: Mapping[str, str]) -> "pd.DataFrame":
    chosen = block
    for column, value in which.items():
        chosen = chosen[chosen[column] == value]
    return chosen
