"""What the data show: effects of the smoothing factor with their uncertainty."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mirage.paper.cells import BLOCK
from mirage.paper.metrics import paper_sign
from mirage.paper.tables import paired

if TYPE_CHECKING:
    import pandas as pd

METRICS = ("acc1", "acc5", "delta_face", "delta_eval", "xi_train", "test_acc")
LEVEL = 0.95

SHOWS, OPPOSITE, OPEN, TOO_FEW = (
    "shows", "shows the opposite", "not distinguishable from 0", "too few seeds to say",
)  # fmt: skip


def effects(cells: "pd.DataFrame", metrics: Sequence[str] = METRICS) -> "pd.DataFrame":
    """Paired differences to alpha = 0, averaged over seeds.

    Args:
        cells: table of cells of one fidelity.
        metrics: which metrics.

    Returns:
        One row per block, alpha and metric: ``mean`` of the differences, its standard error
        ``se``, the half-width ``margin`` of the 95 % t interval, ``n_seeds``, ``n_paper_sign``
        (seeds whose difference has the sign the paper claims), ``n_ties``, and the ``finding``
        that ``finding_of`` reads from them. ``se`` and ``margin`` are empty with one seed.
    """
    import pandas as pd
    from scipy.special import stdtrit

    rows = []
    keys = [*BLOCK, "alpha", "metric"]
    for _, group in paired(cells, metrics).groupby(keys, sort=False):
        names: dict[str, Any] = {key: group[key].iloc[0] for key in keys}
        values, n = group["difference"], len(group)
        mean, sign = float(values.mean()), paper_sign(names["metric"], names["alpha"])
        se = float(values.std(ddof=1)) / math.sqrt(n) if n > 1 else math.nan
        margin = se * float(stdtrit(n - 1, (1 + LEVEL) / 2)) if n > 1 else math.nan
        rows.append(
            {
                **names,
                "mean": mean,
                "se": se,
                "margin": margin,
                "n_seeds": n,
                "n_paper_sign": int((values * sign > 0).sum()),
                "n_ties": int((values == 0).sum()),
                "finding": finding_of(mean, margin, sign),
            }
        )
    names_of_columns = [*keys, "mean", "se", "margin", "n_seeds", "n_paper_sign", "n_ties"]
    return pd.DataFrame(rows, columns=[*names_of_columns, "finding"])


def finding_of(mean: float, margin: float, sign: int) -> str:
    """Say whether an effect shows.

    Args:
        mean: average paired difference.
        margin: half-width of its confidence interval; NaN with one seed.
        sign: sign of the difference that the paper claims.

    Returns:
        ``SHOWS`` if the interval lies wholly on the paper's side of 0, ``OPPOSITE`` if wholly on
        the other, else ``OPEN``; ``TOO_FEW`` without an interval.
    """
    if math.isnan(margin):
        return TOO_FEW
    if abs(mean) <= margin:
        return OPEN
    return SHOWS if mean * sign > 0 else OPPOSITE
