"""Figure 2a: the advantage of attacks over the number of training images."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from mirage.marks import In, several
from mirage.paper.advantage_plot import OURS, PAPER, SHOWN, draw_line, gathered, panels
from mirage.paper.colours import colour, marker
from mirage.paper.comparisons import against_hard_labels, explained, read
from mirage.paper.item import Needs, Plot
from mirage.paper.numbers import collect, select
from mirage.paper.printed import treatment_label
from mirage.paper.reference import of_setting
from mirage.paper.tables import STANDARD
from mirage.recipes import Recipe
from mirage.study import cells
from mirage.study.treatment import Treatment

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study


@dataclass(frozen=True)
class Figure2aRecipe(Recipe):
    """Which cells Figure 2a shows, for every number of images that the study has.

    Attributes:
        dataset: of the targets.
        architecture: of the targets.
        attack: on them.
        treatments: that are held against hard labels, a line each.
    """

    dataset: Annotated[str, In("datasets")]
    architecture: Annotated[str, In("architectures")]
    attack: Annotated[str, In("attacks")]
    treatments: Annotated[tuple[str, ...], several()]

    def __post_init__(self) -> None:
        for treatment in self.treatments:
            Treatment.parse(treatment)


def _recipe(study: "Study") -> Figure2aRecipe:
    return Figure2aRecipe.of(study.scale["paper"]["figure2a"])


def needs(study: "Study") -> Needs:
    """The attacks on these treatments and on hard labels."""
    wanted = _recipe(study)
    shown = {*wanted.treatments, STANDARD}
    return Needs(
        [
            cell
            for cell in cells.select(
                study.attacks,
                dataset=wanted.dataset,
                architecture=wanted.architecture,
                attack=wanted.attack,
            )
            if str(cell.target.treatment) in shown
        ]
    )


def data(study: "Study", shown: "Presentation") -> "pd.DataFrame":
    """Advantages by number of images, ours and the paper's."""
    wanted = _recipe(study)
    numbers = select(collect(needs(study).attacks), fidelity=shown.fidelity)
    printed = of_setting(shown, wanted.dataset, wanted.architecture, "table02", "table04")
    return gathered(numbers, select(printed, treatment=[*wanted.treatments, STANDARD]))


def reading(study: "Study", shown: "Presentation") -> list[str]:
    """Whether both signs do to the attack what the paper says, and more so with few images."""
    numbers = select(collect(needs(study).attacks), fidelity=shown.fidelity)
    factors = sorted(set(numbers["alpha"]), reverse=True)
    told = explained(read(numbers, against_hard_labels(factors, SHOWN), shown))
    means = gathered(numbers, None, ("acc1",)).sort_values(
        "samples", key=lambda column: column.map(_size)
    )
    if means["samples"].nunique() < 2:
        return told
    sizes = ", ".join(dict.fromkeys(means["samples"]))
    for _, rows in means.groupby("treatment", sort=False):
        values = ", ".join(f"{value:+.1f} %" for value in rows["advantage"])
        told.append(
            "The fewer the images, the larger the effect, says the paper. Advantage in Acc@1 for "
            f"α = {treatment_label(rows.iloc[0])} with {sizes} images: {values}."
        )
    return told


def draw(table: "pd.DataFrame", _: "Presentation") -> "Figure":
    """A line per treatment over the number of images; all images stand apart on the right."""
    figure, grid = panels(table, (OURS, PAPER), "training images per class")
    for source, row in zip((OURS, PAPER), grid, strict=True):
        own = table[table["source"] == source]
        sizes = sorted(set(own["samples"]), key=_size)
        places = {size: i + (0.3 if size == "all" else 0) for i, size in enumerate(sizes)}
        for metric, axes in zip(SHOWN, row, strict=True):
            for treatment, rows in own[own["metric"] == metric].groupby("treatment", sort=False):
                rows = rows.sort_values("samples", key=lambda column: column.map(_size))
                whole = rows["samples"] == "all"
                style = (colour(str(treatment)), marker(str(treatment)))
                name = f"α = {treatment_label(rows.iloc[0])}"
                for part, label in ((rows[~whole], name), (rows[whole], None)):
                    draw_line(axes, part["samples"].map(places), part, *style, label)
            axes.set_xticks(list(places.values()), sizes)
            axes.set_xlim(-0.5, len(sizes) - 0.2)
    grid[-1][0].legend(frameon=False, fontsize=7)  # of the paper, whose lines are all there
    return figure


def _size(samples: str) -> float:
    return float("inf") if samples == "all" else float(samples)


ITEM = Plot(
    name="Figure 2a",
    title="Advantage of the attack over the number of training images",
    caption=(
        "Relative change of each metric against hard labels with the same number of images per "
        "class, in percent; above 0 the attack does better, whatever the metric's direction. "
        "First row: ours, means over seeds with one standard deviation; second row: from the "
        "paper's Tables 2 and 4 (one seed). All images stand apart on the right."
    ),
    position=41,
    settings="figure2a",
    recipe=Figure2aRecipe,
    needs=needs,
    data=data,
    draw=draw,
    reading=reading,
)
