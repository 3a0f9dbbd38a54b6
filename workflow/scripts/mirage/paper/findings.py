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

_TOLD = {
    effect.SHOWS: ("shows", "show what the paper claims"),
    effect.OPPOSITE: ("opposite", "show the opposite"),
    effect.OPEN: ("open", "cannot be told from 0"),
    effect.TOO_FEW: ("few", "have too few seeds"),
    effect.ALL_EQUAL: ("few", "have no spread to judge by"),
}
"""Finding -> class of its mark, and what comparisons with it do."""
GLANCE = ("acc1", "delta_face")
"""Attack accuracy and face distance, the findings at a glance."""


def findings(table: "pd.DataFrame", shown: "Presentation") -> list[dict[str, Any]]:
    """What shows and what does not in ``effects.effects``: one group per block of settings.

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
    """Say how wide the intervals of Acc@1 in ``effects.effects`` are, against what was wanted."""
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
    unit, digits = (" pp", 1) if metric.percent else ("", max(metric.digits - 1, 1))
    mean = number(row["mean"], digits, sign=True)
    error = number(row["margin"], digits)
    ties = f", {row['n_ties']} tied" if row["n_ties"] else ""
    return {
        "alpha": number(row["alpha"], 3, trim=True),
        "metric": metric.title,
        "mean": f"{mean} ± {error}{unit}" if error else f"{mean}{unit}",
        "expected": {1: "+", -1: "−"}[paper_sign(metric.key, row["alpha"])],
        "seeds": f"{row['n_paper_sign']} of {row['n_seeds']}{ties}",
        "finding": row["finding"],
        "tag": _TOLD[row["finding"]][0],
    }
