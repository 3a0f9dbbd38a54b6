"""How much better an attack does against one model than against another, in percent."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from mirage.errors import MirageError
from mirage.paper.metrics import METRICS

if TYPE_CHECKING:
    import pandas as pd


def advantage(value: float, standard: float, metric: str) -> float:
    """The relative advantage of an attack (paper Figures 2 and 6a).

    The paper prints no formula. This one reproduces the values that its Figure 2 is drawn from
    (tests/unit/paper/test_paper_advantage.py holds it to Tables 2 and 4).

    Args:
        value: of the metric against the model in question.
        standard: of the same metric against the model trained with hard labels; above 0.
        metric: key of ``METRICS``; one with a better side for the attacker.

    Returns:
        Percent; positive where the attack does better: ``(m - m0) / m0`` where more is better,
        ``(m0 - m) / m0`` for distances. At most 100 for distances, at least -100 for accuracies;
        NaN where a value is, or where ``standard`` is 0.

    Raises:
        MirageError: the metric has no better side, or is negative.
    """
    towards = METRICS[metric].towards
    if towards == 0:
        raise MirageError(f"{metric} has no better side", "one of which more or less is better")
    if value < 0 or standard < 0:
        raise MirageError(f"{metric} is {value}, against {standard}", "numbers of 0 or above")
    if standard == 0:
        return float("nan")
    return 100.0 * towards * (value - standard) / standard


def advantages(
    rows: "pd.DataFrame", metrics: Sequence[str], by: Sequence[str], standard: str
) -> "pd.DataFrame":
    """Advantages over the model with hard labels that shares everything else.

    Args:
        rows: ``treatment``, ``alpha``, ``by`` and the metrics; of one fidelity.
        metrics: which metrics.
        by: columns that a row shares with the one it is held against, its seed among them.
        standard: treatment of the latter.

    Returns:
        Long table: ``by``, ``treatment``, ``alpha``, ``metric``, ``advantage``, in the order of
        ``rows``. Rows without a partner are left out.
    """
    import pandas as pd

    is_standard = rows["treatment"] == standard
    pairs = rows[~is_standard].merge(rows[is_standard], on=list(by), suffixes=("", "_standard"))
    keys = [*by, "treatment", "alpha"]
    found = [
        pairs[keys].assign(
            metric=metric,
            advantage=[
                advantage(value, other, metric)
                for value, other in pairs[[metric, f"{metric}_standard"]].to_numpy()
            ],
        )
        for metric in metrics
    ]
    return pd.concat(found, ignore_index=True)
