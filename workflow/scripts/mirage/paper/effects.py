"""What the numbers show: effects of the smoothing factor, their uncertainty, and both in words."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mirage.paper.metrics import METRICS, paper_sign
from mirage.paper.numbers import BLOCK
from mirage.paper.printed import heading, number, plus_minus
from mirage.paper.tables import paired

if TYPE_CHECKING:
    import pandas as pd

    from mirage.paper.presentation import Presentation

COMPARED = ("acc1", "acc5", "delta_face", "delta_eval", "xi_train", "test_acc")
LEVEL = 0.95
MIN_SEEDS = 3  # a spread estimated from two values says nothing worth a finding

_NO_SPREAD = 1e-9  # of the largest difference: what rounding leaves of equal differences

SHOWS, OPPOSITE, OPEN, TOO_FEW, ALL_EQUAL = (
    "shows", "shows the opposite", "not distinguishable from 0", "too few seeds to say",
    "no spread to judge by",
)  # fmt: skip
_TOLD = {
    SHOWS: ("shows", "show what the paper claims"),
    OPPOSITE: ("opposite", "show the opposite"),
    OPEN: ("open", "cannot be told from 0"),
    TOO_FEW: ("few", "have too few seeds"),
    ALL_EQUAL: ("few", "have no spread to judge by"),
}
"""Finding -> class of its mark, and what comparisons with it do."""
GLANCE = ("acc1", "delta_face")
"""Attack accuracy and face distance, the findings at a glance."""


def effects(numbers: "pd.DataFrame", metrics: Sequence[str] = COMPARED) -> "pd.DataFrame":
    """Paired differences of label smoothing alone to alpha = 0, averaged over seeds.

    Returns:
        One row per block, treatment and metric: its ``alpha``, ``mean`` of the differences, its
        standard error ``se``, the half-width ``margin`` of the 95 % t interval, ``n_seeds`` (in
        which both were measured), ``n_paper_sign`` (seeds whose difference has the sign the paper
        claims), ``n_ties``, and the ``finding`` that ``finding_of`` reads from them. ``se`` is
        empty with one seed, ``margin`` with fewer than three.
    """
    import pandas as pd

    rows = []
    keys = [*BLOCK, "treatment", "alpha", "metric"]
    for _, group in paired(numbers, metrics).groupby(keys, sort=False):
        names: dict[str, Any] = {key: group[key].iloc[0] for key in keys}
        values, sign = group["difference"], paper_sign(names["metric"], names["alpha"])
        mean, se, margin = estimate(values)
        rows.append(
            {
                **names,
                "mean": mean,
                "se": se,
                "margin": margin,
                "n_seeds": len(values),
                "n_paper_sign": int((values * sign > 0).sum()),
                "n_ties": int((values == 0).sum()),
                "finding": finding_of(mean, margin, sign),
            }
        )
    found = ["mean", "se", "margin", "n_seeds", "n_paper_sign", "n_ties", "finding"]
    return pd.DataFrame(rows, columns=[*keys, *found])


def estimate(values: "pd.Series[float]") -> tuple[float, float, float]:
    """Mean of one value per seed, its standard error, half-width of its 95 % t interval.

    The error is NaN with one value, the half-width with fewer than three.
    """
    n = len(values)
    error = _spread(values) / math.sqrt(n) if n > 1 else math.nan
    return float(values.mean()), error, error * _quantile(n) if n >= MIN_SEEDS else math.nan


def seeds_needed(spread: float, margin: float) -> int:
    """Seeds, ``MIN_SEEDS`` at least, that a 95 % t interval of a wanted half-width takes.

    Args:
        spread: standard deviation of the paired differences over seeds.
        margin: wanted half-width, above 0, in the same unit.
    """
    n = MIN_SEEDS
    while _quantile(n) * spread / math.sqrt(n) > margin:
        n += 1
    return n


def _quantile(n: int) -> float:
    """Half-width of the interval of n values, in standard errors."""
    from scipy.special import stdtrit

    return float(stdtrit(n - 1, (1 + LEVEL) / 2))


def _spread(values: "pd.Series[float]") -> float:
    """Standard deviation; exactly 0 for values that differ by rounding only."""
    equal = float(values.max() - values.min()) <= _NO_SPREAD * float(values.abs().max())
    return 0.0 if equal else float(values.std(ddof=1))


def finding_of(mean: float, margin: float, sign: int) -> str:
    """Say whether an effect shows.

    Args:
        mean: average paired difference.
        margin: half-width of its confidence interval; NaN with too few seeds.
        sign: of the difference that the paper claims.

    Returns:
        ``SHOWS`` if the interval lies wholly on the paper's side of 0, ``OPPOSITE`` if on the
        other, else ``OPEN``; ``TOO_FEW`` without an interval; ``ALL_EQUAL`` where all seeds differ
        by the same amount other than 0: the metric is too coarse for its spread to be estimated.
    """
    if math.isnan(margin):
        return TOO_FEW
    if margin == 0 and mean != 0:
        return ALL_EQUAL
    if abs(mean) <= margin:
        return OPEN
    return SHOWS if mean * sign > 0 else OPPOSITE


def told(values: "pd.Series[float]", sign: int, digits: int, unit: str = "") -> str:
    """A mean difference and what it shows: ``+1.0 ± 0.3 pp (shows; n = 8)``.

    Args:
        values: one difference per seed.
        sign: of the mean that the paper claims; 0 for no claim, and then no verdict.
        digits: decimals.
        unit: behind the number.
    """
    mean, _, margin = estimate(values)
    verdict = f"{finding_of(mean, margin, sign)}; " if sign else ""
    return f"{plus_minus(mean, margin, digits, unit)} ({verdict}n = {len(values)})"


def findings(table: "pd.DataFrame", shown: "Presentation") -> list[dict[str, Any]]:
    """What shows and what does not in a table of ``effects``: one group per block of settings.

    Returns:
        Per block its heading, a sentence that counts the outcomes, its ``rows`` as text, and at a
        ``glance``: factor -> the rows of the metrics of ``GLANCE``, None where there is none.
    """
    groups = []
    for _, block in table.groupby(list(BLOCK), sort=False):
        rows: list[dict[str, str]] = []
        glance: dict[str, dict[str, Any]] = {}
        for _, row in block.sort_values("alpha", ascending=False, kind="stable").iterrows():
            found = _finding(row)
            rows.append(found)
            seen = glance.setdefault(found["alpha"], dict.fromkeys(GLANCE))
            if row["metric"] in GLANCE:
                seen[row["metric"]] = found
        counts = block["finding"].value_counts()
        told = [f"{counts[name]} {verb}" for name, (_, verb) in _TOLD.items() if name in counts]
        groups.append(
            {
                "heading": heading(block.iloc[0], shown),
                "counts": f"{len(block)} comparisons: {', '.join(told)}.",
                "rows": rows,
                "glance": glance,
            }
        )
    return groups


def certainty(table: "pd.DataFrame", shown: "Presentation") -> list[str]:
    """Say how wide the intervals of Acc@1 among ``effects`` are, against what was wanted."""
    known = table[(table["metric"] == "acc1") & table["margin"].notna()].to_dict("records")
    if shown.interval is None or not known:
        return []
    narrow = sum(row["margin"] <= shown.interval for row in known)
    widest = max(known, key=lambda row: row["margin"])
    spread = widest["se"] * math.sqrt(widest["n_seeds"])
    needed = seeds_needed(spread, shown.interval)
    return [
        f"The number of seeds was chosen for intervals of ± {number(shown.interval, 1)} pp of "
        f"Acc@1. {narrow} of {len(known)} are that narrow; the "
        f"widest is ± {number(widest['margin'], 1)} pp with {widest['n_seeds']} seeds and would "
        f"take {needed}."
    ]


def _finding(row: "pd.Series[Any]") -> dict[str, str]:
    metric = METRICS[row["metric"]]
    ties = f", {row['n_ties']} tied" if row["n_ties"] else ""
    return {
        "alpha": number(row["alpha"], 3, trim=True),
        "metric": metric.title,
        "mean": plus_minus(row["mean"], row["margin"], *metric.of_differences),
        "expected": {1: "+", -1: "−"}[paper_sign(metric.key, row["alpha"])],
        "seeds": f"{row['n_paper_sign']} of {row['n_seeds']}{ties}",
        "finding": row["finding"],
        "tag": _TOLD[row["finding"]][0],
    }
