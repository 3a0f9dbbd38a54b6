"""Tables 1 and 2 from the table of cells, with the paper's numbers beside ours.

Numbers keep full precision; rounding belongs to ``render``.
"""

from collections.abc import Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from mirage.errors import MirageError
from mirage.paper import metrics as vocabulary
from mirage.paper.cells import BLOCK, select
from mirage.paper.reference import Counterparts, beside, reference_rows

if TYPE_CHECKING:
    import pandas as pd

    from mirage.paper.toy import ToyResult

_ITSELF: Counterparts = MappingProxyType({})


def summarise(
    cells: "pd.DataFrame", by: Sequence[str], metrics: Sequence[str] = tuple(vocabulary.METRICS)
) -> "pd.DataFrame":
    """Mean and spread over seeds.

    Args:
        cells: table of cells, of one fidelity.
        by: columns that name a row of the result; rows keep the order of first appearance.
        metrics: which metrics.

    Returns:
        ``by``, ``n_seeds``, and per metric its mean ``<metric>``, ``<metric>_seed_sd``, the
        standard deviation over seeds (n - 1 in the denominator; empty with one seed), and
        ``<metric>_seeds``, the seeds in which it was measured: both are over these. Not to be
        confused with the paper's ``acc1_std``, a spread within one attack.

    Raises:
        MirageError: a group holds one seed twice, so ``by`` mixes different things.
    """
    import pandas as pd

    _refuse_duplicates(cells, by)
    groups = cells.groupby(list(by), sort=False, dropna=False)
    columns: dict[str, pd.Series[Any]] = {"n_seeds": groups["seed"].nunique()}
    for metric in metrics:
        columns[metric] = groups[metric].mean()
        columns[f"{metric}_seed_sd"] = groups[metric].std(ddof=1)
        columns[f"{metric}_seeds"] = groups[metric].count()
    return pd.DataFrame(columns).reset_index()


def table1(
    cells: "pd.DataFrame", fidelity: str = "paper", counterparts: Counterparts = _ITSELF
) -> "pd.DataFrame":
    """Standard, positive and negative smoothing side by side (paper Table 1).

    Args:
        cells: table of cells; ``select`` the architecture, samples and attack to print.
        fidelity: whose arithmetic, ``paper`` or ``corrected``.
        counterparts: which of the paper's settings stands for ours.

    Returns:
        One row per data set, architecture, samples, attack and model. ``<metric>_change`` is the
        mean over seeds of the difference to Standard with the same seed.
    """
    import pandas as pd

    factors = list(vocabulary.MODELS.values())
    chosen = _smoothed(cells, fidelity)
    chosen = select(chosen[chosen["alpha"].isin(factors)], fidelity=fidelity)
    names = {alpha: name for name, alpha in vocabulary.MODELS.items()}
    chosen = chosen.assign(model=chosen["alpha"].map(names))
    rows = summarise(chosen, [*BLOCK, "fidelity", "model", "alpha"], vocabulary.TABLE1)
    order = {name: position for position, name in enumerate(vocabulary.MODELS)}
    rows = _sorted(rows, rows["model"].map(order))
    changes = paired(chosen, vocabulary.TABLE1).groupby([*BLOCK, "alpha", "metric"])["difference"]
    means = changes.mean().unstack("metric").add_suffix("_change").reset_index()
    rows = rows.merge(means, how="left", on=[*BLOCK, "alpha"])
    for metric in vocabulary.TABLE1:  # no pair at all leaves no column
        if f"{metric}_change" not in rows:
            rows[f"{metric}_change"] = pd.Series(float("nan"), index=rows.index)
    reference = reference_rows("table01", "table04")
    return beside(rows, reference, vocabulary.TABLE1, ("alpha",), counterparts)


def table2(
    cells: "pd.DataFrame", fidelity: str = "paper", counterparts: Counterparts = _ITSELF
) -> "pd.DataFrame":
    """All metrics for all smoothing factors (paper Table 2, and Table 4 for limited samples).

    Args:
        cells: table of cells.
        fidelity: whose arithmetic, ``paper`` or ``corrected``.
        counterparts: which of the paper's settings stands for ours.

    Returns:
        One row per data set, architecture, samples, attack and alpha, largest alpha first.
    """
    chosen = _smoothed(cells, fidelity)
    rows = summarise(chosen, [*BLOCK, "fidelity", "alpha"], vocabulary.TABLE2)
    rows = _sorted(rows, -rows["alpha"])
    reference = reference_rows("table02", "table04")
    return beside(rows, reference, vocabulary.TABLE2, ("alpha",), counterparts)


def paired(cells: "pd.DataFrame", metrics: Sequence[str]) -> "pd.DataFrame":
    """Differences to alpha = 0 of the same seed.

    Args:
        cells: table of cells of one fidelity.
        metrics: which metrics.

    Returns:
        Long table: the block's columns, ``alpha`` (never 0), ``seed``, ``metric``,
        ``difference``. Seeds without an alpha = 0 partner are left out.

    Raises:
        MirageError: a seed stands twice at one setting.
    """
    import pandas as pd

    smoothed = cells[cells["alpha"].notna()]
    _refuse_duplicates(smoothed, [*BLOCK, "alpha"])
    standard = smoothed[smoothed["alpha"] == 0]
    pairs = smoothed[smoothed["alpha"] != 0].merge(
        standard, on=[*BLOCK, "seed"], suffixes=("", "_standard")
    )
    keys = [*BLOCK, "alpha", "seed"]
    long = [
        pairs[keys].assign(metric=name, difference=pairs[name] - pairs[f"{name}_standard"])
        for name in metrics
    ]
    return pd.concat(long, ignore_index=True).dropna(subset=["difference"])


def toy_table(result: "ToyResult") -> "pd.DataFrame":
    """The toy example's runs beside the paper's steps and distances (Fig. 1, seed 42).

    Returns:
        One row per seed and factor; ``steps`` is empty where the attack did not reach its goal.
    """
    import pandas as pd

    printed = reference_rows("figure01_toy").set_index("alpha").to_dict("index")
    rows = []
    for run in result.runs:
        paper = printed.get(run.alpha, {}) if run.seed == 42 else {}
        rows.append(
            {
                "alpha": run.alpha,
                "seed": run.seed,
                "steps": run.steps,
                "steps_paper": paper.get("steps"),
                "distance": run.distance,
                "distance_paper": paper.get("distance"),
                "unstopped_distance": run.unstopped_distance,
                "unstopped_confidence": run.unstopped_confidence,
                "loss": run.loss,
                "train_accuracy": run.train_accuracy,
                "mean_confidence": float(run.grid.mean()),
            }
        )
    return pd.DataFrame(rows).astype(
        {"steps": "Int64", "steps_paper": "Int64", "distance_paper": "float64"}
    )


def _refuse_duplicates(cells: "pd.DataFrame", by: Sequence[str]) -> None:
    twice = cells[cells.duplicated([*by, "seed"], keep=False)]
    if not twice.empty:
        row = twice.iloc[0]
        where = ", ".join(f"{name} {row[name]}" for name in [*by, "seed"])
        raise MirageError(
            f"more than one attack cell has {where}", "one", "select one fidelity and treatment"
        )


def _smoothed(cells: "pd.DataFrame", fidelity: str) -> "pd.DataFrame":
    return select(cells[cells["alpha"].notna()], fidelity=fidelity)


def _sorted(rows: "pd.DataFrame", within: "pd.Series[float]") -> "pd.DataFrame":
    """Blocks in order of first appearance, rows inside a block by ``within``."""
    block = rows.groupby(list(BLOCK), sort=False).ngroup()
    order = sorted(rows.index, key=lambda row: (block[row], within[row]))
    return rows.loc[order].reset_index(drop=True)
