"""What shows and what does not, in words for the report."""

import math
from typing import TYPE_CHECKING, Any

from mirage.paper import effects as effect
from mirage.paper.metrics import METRICS, paper_sign
from mirage.paper.numbers import BLOCK
from mirage.paper.printed import heading, number

if TYPE_CHECKING:
    import pandas as pd

    from mirage.paper.presentation import Presentation

_TAGS = {
    effect.SHOWS: "shows",
    effect.OPPOSITE: "opposite",
    effect.OPEN: "open",
    effect.TOO_FEW: "few",
    effect.ALL_EQUAL: "few",
}
_COUNTED = {
    effect.SHOWS: "show what the paper claims",
    effect.OPPOSITE: "show the opposite",
    effect.OPEN: "cannot be told from 0",
    effect.TOO_FEW: "have too few seeds",
    effect.ALL_EQUAL: "have no spread to judge by",
}
GLANCE = ("acc1", "delta_face")


def overview(table: "pd.DataFrame", shown: "Presentation") -> list[dict[str, Any]]:
    """The findings for attack accuracy and face distance at a glance.

    Args:
        table: from ``effects.effects``.
        shown: gives the names to print.

    Returns:
        Per block its heading and one row per factor, with one finding per metric of ``GLANCE``.
    """
    groups = []
    for _, block in table.groupby(list(BLOCK), sort=False):
        rows: dict[str, dict[str, Any]] = {}
        for _, row in block.sort_values("alpha", ascending=False, kind="stable").iterrows():
            finding = _finding(row)
            rows.setdefault(finding["alpha"], {})[row["metric"]] = finding
        groups.append(
            {
                "heading": heading(block.iloc[0], shown),
                "rows": [
                    {"alpha": alpha, "findings": [found.get(name) for name in GLANCE]}
                    for alpha, found in rows.items()
                ],
            }
        )
    return groups


def findings(table: "pd.DataFrame", shown: "Presentation") -> list[dict[str, Any]]:
    """What shows and what does not: one group per block of settings.

    Args:
        table: from ``effects.effects``.
        shown: gives the names to print.

    Returns:
        Per block its heading, a sentence that counts the outcomes, and its rows as text.
    """
    groups = []
    for _, block in table.groupby(list(BLOCK), sort=False):
        ordered = block.sort_values("alpha", ascending=False, kind="stable")
        counts = block["finding"].value_counts()
        told = [f"{counts[name]} {verb}" for name, verb in _COUNTED.items() if name in counts]
        groups.append(
            {
                "heading": heading(block.iloc[0], shown),
                "counts": f"{len(block)} comparisons: {', '.join(told)}.",
                "rows": [_finding(row) for _, row in ordered.iterrows()],
            }
        )
    return groups


def certainty(table: "pd.DataFrame", shown: "Presentation") -> list[str]:
    """Say how wide the intervals of the attack accuracy are, against what was wanted.

    Args:
        table: from ``effects.effects``.
        shown: says which half-width the number of seeds was chosen for.
    """
    known = table[(table["metric"] == "acc1") & table["margin"].notna()].to_dict("records")
    if shown.interval is None or not known:
        return []
    narrow = sum(row["margin"] <= shown.interval for row in known)
    widest = max(known, key=lambda row: row["margin"])
    spread = widest["se"] * math.sqrt(widest["n_seeds"])
    needed = effect.seeds_needed(spread, shown.interval)
    return [
        f"The number of seeds was chosen for intervals of ± {number(shown.interval, 1)} pp of "
        f"Acc@1. {narrow} of {len(known)} are that narrow; the "
        f"widest is ± {number(widest['margin'], 1)} pp with {widest['n_seeds']} seeds and would "
        f"take {needed}."
    ]


def _finding(row: "pd.Series[Any]") -> dict[str, str]:
    metric = METRICS[row["metric"]]
    unit = " pp" if metric.percent else ""
    error = number(row["margin"], _digits(metric.key))
    ties = f", {row['n_ties']} tied" if row["n_ties"] else ""
    return {
        "alpha": number(row["alpha"], 3, trim=True),
        "metric": metric.title,
        "mean": number(row["mean"], _digits(metric.key), sign=True)
        + (f" ± {error}" if error else "")
        + unit,
        "expected": {1: "+", -1: "−"}[paper_sign(metric.key, row["alpha"])],
        "seeds": f"{row['n_paper_sign']} of {row['n_seeds']}{ties}",
        "finding": row["finding"],
        "tag": _TAGS[row["finding"]],
    }


def _digits(metric: str) -> int:
    return 1 if METRICS[metric].percent else max(METRICS[metric].digits - 1, 1)
