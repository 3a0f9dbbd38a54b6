"""Figure 2b: the advantage of attacks over the smoothing factor."""

from typing import TYPE_CHECKING

from mirage.paper.advantage_plot import OURS, PAPER, SHOWN, draw_line, gathered, panels
from mirage.paper.colours import HARD, colour, marker
from mirage.paper.comparisons import against_hard_labels, explained, read
from mirage.paper.item import Needs, Plot
from mirage.paper.numbers import collect, select
from mirage.paper.placed import AttackedRecipe
from mirage.paper.printed import treatment_label
from mirage.paper.reference import of_setting

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study


def _recipe(study: "Study") -> AttackedRecipe:
    return AttackedRecipe.of(study.scale["paper"]["figure2b"])


def needs(study: "Study") -> Needs:
    """The attacks on label smoothing of every factor."""
    attacks = _recipe(study).found(study)
    return Needs([cell for cell in attacks if cell.target.treatment.alpha is not None])


def data(study: "Study", shown: "Presentation") -> "pd.DataFrame":
    """Advantages by smoothing factor, ours and the paper's."""
    wanted = _recipe(study)
    numbers = select(collect(needs(study).attacks), fidelity=shown.fidelity)
    printed = of_setting(shown, wanted.dataset, wanted.architecture, "table02")
    return gathered(numbers, printed)


def reading(study: "Study", shown: "Presentation") -> list[str]:
    """Whether every factor does to the attack what the paper says."""
    numbers = select(collect(needs(study).attacks), fidelity=shown.fidelity)
    factors = sorted(set(numbers["alpha"]), reverse=True)
    return explained(read(numbers, against_hard_labels(factors, SHOWN), shown))


def draw(table: "pd.DataFrame", _: "Presentation") -> "Figure":
    """One line over the factors in their order, a mark for each sign."""
    figure, grid = panels(table, (OURS, PAPER), "smoothing factor α")
    for source, row in zip((OURS, PAPER), grid, strict=True):
        own = table[table["source"] == source].sort_values("alpha", ascending=False)
        labels = [treatment_label(row) for _, row in own.drop_duplicates("alpha").iterrows()]
        for metric, axes in zip(SHOWN, row, strict=True):
            rows = own[own["metric"] == metric]
            axes.plot(range(len(rows)), rows["advantage"], color=HARD, linewidth=0.8, zorder=1)
            for place, (__, point) in enumerate(rows.iterrows()):
                name = str(point["treatment"])
                draw_line(axes, [place], point.to_frame().T, colour(name), marker(name))
            axes.set_xticks(range(len(labels)), labels, rotation=45 if len(labels) > 4 else 0)
            axes.set_xlim(-0.5, len(labels) - 0.5)
    return figure


ITEM = Plot(
    name="Figure 2b",
    title="Advantage of the attack over the smoothing factor",
    caption=(
        "Relative change of each metric against hard labels, in percent; above 0 the attack does "
        "better, whatever the metric's direction. The factors stand in their order, not to scale. "
        "First row: ours, means over seeds with one standard deviation; second row: from the "
        "paper's Table 2 (one seed)."
    ),
    position=42,
    settings="figure2b",
    recipe=AttackedRecipe,
    needs=needs,
    data=data,
    draw=draw,
    reading=reading,
)
