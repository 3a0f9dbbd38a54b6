"""Distances between training images in feature space as violins (paper Figure 5)."""

from typing import TYPE_CHECKING, Any

from mirage.paper import measured
from mirage.paper.colours import colour
from mirage.paper.drawing import style
from mirage.paper.measured import TargetsRecipe
from mirage.study.treatment import Treatment

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

MEASURE = "embeddings"
KINDS = {
    "own_mean": ("same\nclass", "average"),
    "other_mean": ("other\nclasses", "average"),
    "own_nearest": ("same\nclass", "nearest"),
    "other_nearest": ("other\nclasses", "nearest"),
}
"""Distance -> name under its violin, and the half of the panel that it stands in."""
_POINTS = 200
_QUARTILES = ("quartile1", "median", "quartile3")


def violins(recipe: TargetsRecipe) -> "pd.DataFrame":
    """Outlines of the distances of all images of all seeds, each in units of its model's largest.

    Returns:
        Per treatment and kind of distance the number ``n`` of images that have one, quartiles, and
        ``density`` (1 at most) at ``distance`` from the smallest to the largest value.
    """
    import numpy as np
    import pandas as pd

    found, tables = measured.numbers(recipe, MEASURE), []
    for treatment in recipe.treatments:
        held = {seed: measured.arrays(recipe, MEASURE, treatment, seed) for seed in recipe.seeds}
        for kind in KINDS:
            scaled = [own[kind] / found[treatment][seed]["largest"] for seed, own in held.items()]
            values = np.concatenate(scaled)
            values = values[np.isfinite(values)]
            grid, density = outline(values)
            names: dict[str, Any] = {
                "treatment": treatment,
                "alpha": Treatment.parse(treatment).alpha,
                "seeds": " ".join(map(str, recipe.seeds)),
                "kind": kind,
                "n": len(values),
                "mean": values.mean(),
                **dict(zip(_QUARTILES, np.quantile(values, (0.25, 0.5, 0.75)), strict=True)),
            }
            table = pd.DataFrame({"distance": grid, "density": density})
            tables.append(table.assign(**names)[[*names, "distance", "density"]])
    return pd.concat(tables, ignore_index=True)


def outline(values: "NDArray[Any]") -> "tuple[NDArray[Any], NDArray[Any]]":
    """Where a violin is how wide: a Gaussian estimate by Scott's rule, cut at the data's range."""
    import numpy as np
    from scipy.stats import gaussian_kde

    grid = np.linspace(values.min(), values.max(), _POINTS)
    if np.ptp(values) <= 1e-12 * abs(values).max():  # nothing to estimate
        return grid, np.ones(_POINTS)
    density = gaussian_kde(values)(grid)
    return grid, density / density.max()


def draw_violins(table: "pd.DataFrame") -> "Figure":
    """A panel per treatment: averages on its left, nearest images on its right."""
    treatments = list(dict.fromkeys(table["treatment"]))
    with style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(0.6 + 2.2 * len(treatments), 3.2), layout="constrained")
        panels = figure.subplots(1, len(treatments), sharey=True, squeeze=False)[0]
        for axes, treatment in zip(panels, treatments, strict=True):
            own = table[table["treatment"] == treatment]
            for place, (kind, (name, _)) in enumerate(KINDS.items()):
                _violin(axes, place, own[own["kind"] == kind], colour(treatment), "same" in name)
            axes.set_xticks(range(len(KINDS)), [name for name, _ in KINDS.values()], fontsize=7.5)
            axes.axvline(1.5, color="0.8", linewidth=0.8, zorder=0)
            for middle, half in ((0.5, "average"), (2.5, "nearest")):
                axes.text(middle, 1.02, half, ha="center", va="bottom", fontsize=8, color="0.35")
            axes.set_title(measured.label(treatment), pad=16)
            axes.set_xlim(-0.5, len(KINDS) - 0.5)
            axes.spines[["top", "right"]].set_visible(False)
        panels[0].set_ylim(0, 1.0)
        panels[0].set_ylabel("distance / largest distance")
        seeds = measured.seeds_told([int(seed) for seed in str(table["seeds"].iloc[0]).split()])
        told = f"n = {table['n'].max():,} images for each α, {seeds}; lines: median and quartiles"
        figure.supxlabel(told, fontsize=8, color="0.35")
    return figure


def _violin(axes: "Axes", place: int, rows: "pd.DataFrame", shade: str, filled: bool) -> None:
    half = 0.4 * rows["density"]
    axes.fill_betweenx(
        rows["distance"], place - half, place + half, linewidth=1.0, edgecolor=shade,
        facecolor=shade if filled else "white", alpha=0.75 if filled else 1, zorder=2,
    )  # fmt: skip
    line = "white" if filled else shade
    for name, width in zip(_QUARTILES, (0.8, 1.6, 0.8), strict=True):
        at = float(rows[name].iloc[0])
        reach = 0.4 * float(rows["density"].iloc[(rows["distance"] - at).abs().argmin()])
        axes.plot((place - reach, place + reach), (at, at), color=line, linewidth=width, zorder=3)
