"""Tables from the numbers of cells. They keep full precision; rounding belongs to ``printed``."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mirage.errors import MirageError
from mirage.evaluation.fidelity import CORRECTED
from mirage.paper.metrics import METRICS
from mirage.paper.numbers import BLOCK, select
from mirage.paper.reference import beside, reference_rows

if TYPE_CHECKING:
    import pandas as pd

    from mirage.paper.item import Table
    from mirage.paper.presentation import Presentation

STANDARD = "ls0"
"""Treatment with which all others are compared."""

NAMED_BY = (*BLOCK, "fidelity", "treatment", "alpha")
"""What names a row, and its smoothing factor."""


def make(table: "Table", numbers: "pd.DataFrame", shown: "Presentation") -> "pd.DataFrame":
    """The rows of a table with the paper's numbers beside them, from the numbers of its cells."""
    rows = table.rows(select(numbers, fidelity=shown.fidelity))
    paper = table.printed(reference_rows(*table.reference))
    return beside(rows, paper, table.metrics, shown.counterparts, table.matched_by)


def make_ours(table: "Table", numbers: "pd.DataFrame") -> "pd.DataFrame | None":
    """The rows of what the paper does not print; None where nothing of it was measured."""
    corrected = numbers[numbers["fidelity"] == CORRECTED]
    if corrected[list(table.ours)].isna().all(axis=None):
        return None
    return by_treatment(corrected, table.ours)


def by_treatment(
    numbers: "pd.DataFrame", metrics: Sequence[str], others: Sequence[str] = ()
) -> "pd.DataFrame":
    """One row per block and treatment: the largest α first, then what is not α alone.

    Args:
        numbers: of cells, of one fidelity.
        metrics: which metrics.
        others: columns that tell rows of one treatment apart; they keep their order.
    """
    rows = summarise(numbers, [*NAMED_BY, *others], metrics)
    return in_order(rows, (-rows["alpha"]).fillna(float("inf")))


def summarise(
    numbers: "pd.DataFrame", by: Sequence[str], metrics: Sequence[str] = tuple(METRICS)
) -> "pd.DataFrame":
    """Mean and spread over seeds, in one fidelity.

    Args:
        numbers: of cells.
        by: columns that name a row of the result; rows keep the order of first appearance.
        metrics: which metrics.

    Returns:
        ``by``, ``n_seeds``, and per metric its mean ``<metric>``, ``<metric>_seed_sd``, the
        standard deviation over seeds (n - 1 in the denominator; empty with one seed), and
        ``<metric>_seeds``, the seeds in which it was measured. Not to be confused with the paper's
        ``acc1_std``, a spread within one attack. And ``note``, what the cells have to tell.

    Raises:
        MirageError: a group holds one seed twice, so ``by`` mixes different things.
    """
    import pandas as pd

    _refuse_duplicates(numbers, by)
    groups = numbers.groupby(list(by), sort=False, dropna=False)
    columns: dict[str, pd.Series[Any]] = {"n_seeds": groups["seed"].nunique()}
    for metric in metrics:
        columns[metric] = groups[metric].mean()
        columns[f"{metric}_seed_sd"] = groups[metric].std(ddof=1)
        columns[f"{metric}_seeds"] = groups[metric].count()
    columns["note"] = groups["note"].agg(_notes)
    return pd.DataFrame(columns).reset_index()


def _notes(notes: "pd.Series[str]") -> str:
    """Each note once, with the number of cells that have it."""
    counts = notes[notes != ""].value_counts(sort=False)
    return "; ".join(f"{note} ({count} of {len(notes)} seeds)" for note, count in counts.items())


def paired(numbers: "pd.DataFrame", metrics: Sequence[str]) -> "pd.DataFrame":
    """Differences of label smoothing alone to ``STANDARD`` with the same seed, in one fidelity.

    Returns:
        Long table: the block's columns, ``treatment`` (never ``STANDARD``), ``alpha``, ``seed``,
        ``metric``, ``difference``. Seeds without a partner are left out.

    Raises:
        MirageError: a seed stands twice at one setting.
    """
    import pandas as pd

    smoothed = numbers[numbers["alpha"].notna()]
    _refuse_duplicates(smoothed, [*BLOCK, "treatment"])
    standard = smoothed["treatment"] == STANDARD
    pairs = smoothed[~standard].merge(
        smoothed[standard], on=[*BLOCK, "seed"], suffixes=("", "_standard")
    )
    keys = [*BLOCK, "treatment", "alpha", "seed"]
    long = [
        pairs[keys].assign(metric=name, difference=pairs[name] - pairs[f"{name}_standard"])
        for name in metrics
    ]
    return pd.concat(long, ignore_index=True).dropna(subset=["difference"])


def in_order(rows: "pd.DataFrame", within: "pd.Series[float]") -> "pd.DataFrame":
    """Blocks in order of first appearance, rows inside a block by ``within``."""
    block = rows.groupby(list(BLOCK), sort=False).ngroup()
    order = sorted(rows.index, key=lambda row: (block[row], within[row]))
    return rows.loc[order].reset_index(drop=True)


def _refuse_duplicates(numbers: "pd.DataFrame", by: Sequence[str]) -> None:
    twice = numbers[numbers.duplicated([*by, "seed"], keep=False)]
    if not twice.empty:
        row = twice.iloc[0]
        where = ", ".join(f"{name} {row[name]}" for name in [*by, "seed"])
        raise MirageError(
            f"more than one attack cell has {where}", "one", "select one fidelity and treatment"
        )
