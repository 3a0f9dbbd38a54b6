"""Figure 4: training images in the target's feature space, laid out by t-SNE."""

from typing import TYPE_CHECKING, Any

from mirage.paper import measured
from mirage.paper.colours import colour
from mirage.paper.drawing import style
from mirage.paper.embeddings_plot import MEASURE
from mirage.paper.item import Plot
from mirage.paper.measured import TargetsRecipe
from mirage.paper.printed import number
from mirage.study.treatment import Treatment

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study

NAME = "figure4"
_COLOURS, _MARKERS = 20, "o^sDv"


def data(study: "Study", _: "Presentation") -> "pd.DataFrame":
    """Points of the first seed's targets: the same images for each, and numbers beside them."""
    import pandas as pd

    recipe, tables = measured.recipe_of(study.scale, NAME), []
    seed, found = recipe.seeds[0], measured.numbers(recipe, MEASURE)
    for treatment in recipe.treatments:
        held = measured.arrays(recipe, MEASURE, treatment, seed)
        names: dict[str, Any] = {
            "treatment": treatment,
            "alpha": Treatment.parse(treatment).alpha,
            "seed": seed,
            **{name: found[treatment][seed][name] for name in ("silhouette", "purity")},
            "class": held["shown.labels"],
        }
        x, y = held["shown.layout"].T.astype(float)
        tables.append(pd.DataFrame({**names, "x": x, "y": y}))
    return pd.concat(tables, ignore_index=True)


def draw(table: "pd.DataFrame", _: "Presentation") -> "Figure":
    """A panel per treatment."""
    treatments = list(dict.fromkeys(table["treatment"]))
    with style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(2.5 * len(treatments), 3.1), layout="constrained")
        panels = figure.subplots(1, len(treatments), squeeze=False)[0]
        for axes, treatment in zip(panels, treatments, strict=True):
            own = table[table["treatment"] == treatment]
            _points(axes, own)
            row = own.iloc[0]
            axes.set_title(
                f"{measured.label(treatment)}\nsilhouette {number(row['silhouette'], 2)}, "
                f"5-NN purity {number(row['purity'], 2)}",
                color=colour(treatment), fontsize=8.5,
            )  # fmt: skip
        images, people = len(table) // len(treatments), table["class"].nunique()
        told = f"n = {images:,} images of {people} people, the same for each α, seed {row['seed']}"
        figure.supxlabel(told, fontsize=8, color="0.35")
    return figure


def _points(axes: "Axes", rows: "pd.DataFrame") -> None:
    from matplotlib import colormaps

    shades = colormaps["tab20"].colors  # type: ignore[attr-defined]
    size = 14 if len(rows) < 500 else 4
    for place, (_, own) in enumerate(rows.groupby("class", sort=True)):
        # A hundred people, each with a look of its own.
        shade, mark = place % _COLOURS, (place + place // _COLOURS) % len(_MARKERS)
        axes.scatter(
            own["x"], own["y"], s=size, linewidths=0.25, edgecolors="0.25",
            color=shades[shade], marker=_MARKERS[mark],
        )  # fmt: skip
    axes.set_aspect("equal", adjustable="datalim")
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_edgecolor("0.8")


def reading(study: "Study", _: "Presentation") -> list[str]:
    """The paper's claim, and what is measured before any projection."""
    recipe = measured.recipe_of(study.scale, NAME)
    found = measured.numbers(recipe, MEASURE)
    sentences = [
        "The paper says that positive smoothing gathers images of a person and negative smoothing "
        "lets people overlap. A layout by t-SNE proves nothing about distances; the numbers are of "
        f"the features before it, as means over {measured.seeds_told(recipe.seeds)}, with the "
        "difference to α = 0 and its 95 % interval over seeds."
    ]
    for title, name in (("Silhouette", "silhouette"), ("5-NN purity", "purity")):
        told = measured.differences(found, name, 3, above=1, below=-1)
        sentences.append(f"{title}: {measured.means(found, name, 3)}. {told}.")
    return sentences


ITEM = Plot(
    name="Figure 4",
    title="Penultimate activations of training images",
    caption=(
        "Training images in the target's feature space, laid out by t-SNE (perplexity 30, from 50 "
        "principal components); colours and marks stand for people and are reused. Above each, the "
        "mean silhouette and the share of each image's five nearest that are of the same person."
    ),
    position=44,
    settings=NAME,
    recipe=TargetsRecipe,
    needs=measured.needs_of(NAME, MEASURE),
    misfits=measured.misfits_of(NAME, MEASURE),
    by_seed=measured.by_seed_of(NAME, MEASURE),
    reading=reading,
    data=data,
    draw=draw,
)
