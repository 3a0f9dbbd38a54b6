"""What the numbers show: effects of the smoothing factor with their uncertainty."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mirage.paper.metrics import paper_sign
from mirage.paper.numbers import BLOCK
from mirage.paper.tables import paired

if TYPE_CHECKING:
    import pandas as pd

METRICS = ("acc1", "acc5", "delta_face", "delta_eval", "xi_train", "test_acc")
LEVEL = 0.95
MIN_SEEDS = 3  # a spread estimated from two values says nothing worth a finding

_NO_SPREAD = 1e-9  # of the largest difference: what rounding leaves of equal differences

SHOWS, OPPOSITE, OPEN, TOO_FEW, ALL_EQUAL = (
    "shows", "shows the opposite", "not distinguishable from 0", "too few seeds to say",
    "no spread to judge by",
)  # fmt: skip


def effects(numbers: "pd.DataFrame", metrics: Sequence[str] = METRICS) -> "pd.DataFrame":
    """Paired differences of label smoothing alone to alpha = 0, averaged over seeds.

    Args:
        numbers: of cells, of one fidelity.
        metrics: which metrics.

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
    names_of_columns = [*keys, "mean", "se", "margin", "n_seeds", "n_paper_sign", "n_ties"]
    return pd.DataFrame(rows, columns=[*names_of_columns, "finding"])


def estimate(values: "pd.Series[float]") -> tuple[float, float, float]:
    """Mean of one value per seed, its standard error, half-width of its 95 % t interval.

    The error is NaN with one value, the half-width with fewer than three.
    """
    n = len(values)
    error = _spread(values) / math.sqrt(n) if n > 1 else math.nan
    return float(values.mean()), error, error * _quantile(n) if n >= MIN_SEEDS else math.nan


def seeds_needed(spread: float, margin: float) -> int:
    """Seeds that a 95 % t interval of a wanted half-width takes.

    Args:
        spread: standard deviation of the paired differences over seeds.
        margin: wanted half-width, above 0, in the same unit.

    Returns:
        The smallest number of seeds, at least ``MIN_SEEDS``, with which an interval of that
        spread is no wider.
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
        sign: sign of the difference that the paper claims.

    Returns:
        ``SHOWS`` if the interval lies wholly on the paper's side of 0, ``OPPOSITE`` if wholly on
        the other, else ``OPEN``; ``TOO_FEW`` without an interval; ``ALL_EQUAL`` where all seeds
        differ by the same amount other than 0, which says that the metric is too coarse for its
        spread to be estimated, not that the effect is certain.
    """
    if math.isnan(margin):
        return TOO_FEW
    if margin == 0 and mean != 0:
        return ALL_EQUAL
    if abs(mean) <= margin:
        return OPEN
    return SHOWS if mean * sign > 0 else OPPOSITE
