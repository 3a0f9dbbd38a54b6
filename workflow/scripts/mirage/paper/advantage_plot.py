"""Advantages over the model with hard labels, drawn as lines (paper Figures 2a and 2b)."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from mirage.paper.advantage import advantages
from mirage.paper.drawing import style
from mirage.paper.metrics import METRICS
from mirage.paper.tables import STANDARD

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = ("acc1", "delta_face", "delta_eval", "xi_train")
OURS, PAPER = "ours", "paper"
LOWEST, MARGIN = -110.0, 8.0
"""Percent at which an axis ends, and what it leaves free; distances alone can fall lower."""


def gathered(
    numbers: "pd.DataFrame", printed: "pd.DataFrame | None", metrics: Sequence[str] = SHOWN
) -> "pd.DataFrame":
    """Means over seeds of our advantages, and the paper's.

    Args:
        numbers: of our cells, of one fidelity.
        printed: rows of the paper's tables; None where it prints no numbers.
        metrics: which metrics.

    Returns:
        Per source, metric, samples and treatment: ``advantage`` in percent, its standard
        deviation ``seed_sd`` over seeds (empty with one) and ``n_seeds``.
    """
    import pandas as pd

    by = ["metric", "samples", "treatment", "alpha"]
    ours = advantages(numbers, metrics, ["samples", "seed"], STANDARD)
    groups = ours.dropna(subset=["advantage"]).groupby(by, sort=False)["advantage"]
    told = groups.agg(advantage="mean", seed_sd="std", n_seeds="count").reset_index()
    told = told.assign(source=OURS)
    if printed is not None:
        papers = advantages(printed, metrics, ["samples"], STANDARD)
        told = pd.concat([told, papers.assign(n_seeds=1, source=PAPER)], ignore_index=True)
    return told[["source", *by, "advantage", "seed_sd", "n_seeds"]]


def panels(
    table: "pd.DataFrame", sources: Sequence[str], x_label: str
) -> "tuple[Figure, list[list[Axes]]]":
    """An empty panel per source and metric, with its titles and a line at 0."""
    with style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(9.2, 0.5 + 2.1 * len(sources)), layout="constrained")
        grid = figure.subplots(len(sources), len(SHOWN), squeeze=False)
        for source, row in zip(sources, grid, strict=True):
            row[0].set_ylabel(f"{source}: advantage in %")
            for metric, axes in zip(SHOWN, row, strict=True):
                axes.axhline(0, color="0.6", linewidth=0.8, zorder=0)
                axes.spines[["top", "right"]].set_visible(False)
                if source == sources[0]:
                    axes.set_title(METRICS[metric].title)
        for axes in grid[-1]:
            axes.set_xlabel(x_label)
        for source, row in zip(sources, grid, strict=True):
            own = table.loc[table["source"] == source, "advantage"]
            for axes in row:
                axes.set_ylim(max(LOWEST, own.min() - MARGIN), max(own.max(), 0) + MARGIN)
    return figure, grid.tolist()


def draw_line(
    axes: "Axes",
    places: Iterable[float],
    rows: "pd.DataFrame",
    colour: str,
    marker: str,
    label: str | None = None,
) -> None:
    """Draw means with one standard deviation over seeds."""
    axes.errorbar(
        list(places), rows["advantage"], yerr=rows["seed_sd"].fillna(0), color=colour,
        marker=marker, markersize=4, linewidth=1.1, elinewidth=0.8, capsize=2, label=label,
    )  # fmt: skip
