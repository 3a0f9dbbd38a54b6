"""Ours: metrics by treatment, one dot per seed."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from mirage.marks import In, several
from mirage.paper.colours import colour
from mirage.paper.drawing import style
from mirage.paper.item import Needs, Picture
from mirage.paper.metrics import METRICS
from mirage.paper.numbers import BLOCK, collect, select
from mirage.paper.printed import heading, treatment_label
from mirage.recipes import Recipe
from mirage.visible import one_line

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study

SHOWN = ("acc1", "delta_face")


@dataclass(frozen=True)
class SpreadRecipe(Recipe):
    """Which attacks the overview shows, on whichever target.

    Attributes:
        attacks: their names.
    """

    attacks: Annotated[tuple[Annotated[str, In("attacks")], ...], several()]


def needs(study: "Study") -> Needs:
    """The attacks of these names."""
    wanted = SpreadRecipe.of(study.scale["paper"]["spread"]).attacks
    return Needs([cell for cell in study.attacks if str(cell) in wanted])


def draw(study: "Study", shown: "Presentation") -> "Figure":
    """Draw every block of cells."""
    return spread(collect(needs(study).attacks), shown)


def spread(numbers: "pd.DataFrame", shown: "Presentation") -> "Figure":
    """Draw a row of panels per metric, a column per architecture, samples and attack.

    A line joins the dots of a seed; the bar beside the dots is the mean with one standard
    deviation over seeds.
    """
    chosen = select(numbers, fidelity=shown.fidelity)
    blocks = [block for _, block in chosen.groupby(list(BLOCK), sort=False)]
    smoothed = chosen["alpha"].notna().all()
    with style():
        from matplotlib.figure import Figure

        size = (1.1 + 1.9 * len(blocks), 0.9 + 2.1 * len(SHOWN))
        figure = Figure(figsize=size, layout="constrained")
        panels = figure.subplots(len(SHOWN), len(blocks), squeeze=False, sharey="row")
        for row, metric in enumerate(SHOWN):
            for axes, block in zip(panels[row], blocks, strict=True):
                _panel(axes, block, metric)
            spec = METRICS[metric]
            unit = " in %" if spec.percent else ""
            panels[row][0].set_ylabel(f"{spec.arrow} {spec.title}{unit}")
        for axes, block in zip(panels[0], blocks, strict=True):
            title = one_line(heading(block.iloc[0], shown))
            axes.set_title(title.replace(", ", "\n"), fontsize=8)
        for axes in panels[-1]:
            axes.set_xlabel("smoothing factor α" if smoothed else "α or treatment")
    return figure


def _panel(axes: "Axes", block: "pd.DataFrame", metric: str) -> None:
    table = block.pivot(index="seed", columns="treatment", values=metric)
    # The smallest α first, then what is no label smoothing alone.
    treatments = block.drop_duplicates("treatment").sort_values(["alpha", "treatment"])
    table = table[list(treatments["treatment"])]
    for _, values in table.iterrows():
        known = values.notna().to_numpy()
        if known.any():
            x = [place for place in range(len(treatments)) if known[place]]
            axes.plot(x, values.to_numpy()[known], color="0.8", linewidth=0.6, zorder=1)
    for place, treatment in enumerate(treatments["treatment"]):
        values = table[treatment].dropna()
        shade = colour(treatment)
        axes.scatter([place] * len(values), values, s=11, color=shade, alpha=0.65, linewidths=0)
        if len(values) > 1:
            axes.errorbar(
                place + 0.2, values.mean(), yerr=values.std(ddof=1),
                fmt="_", markersize=9, color=shade, capsize=2, linewidth=1.2,
            )  # fmt: skip
    axes.set_xticks(
        range(len(treatments)), [treatment_label(row) for _, row in treatments.iterrows()]
    )
    axes.set_xlim(-0.5, len(treatments) - 0.4)
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(width=0.6)


ITEM = Picture(
    name="Spread",
    title="Every seed",
    caption=(
        "Attack accuracy and face distance by smoothing factor: one dot per seed, "
        "a line joins the dots of one seed, the bar is the mean with one standard deviation over "
        "seeds. Effects smaller than the spread between seeds should not be read as effects."
    ),
    position=6,
    settings="spread",
    recipe=SpreadRecipe,
    needs=needs,
    claims=False,
    draw=draw,
)
