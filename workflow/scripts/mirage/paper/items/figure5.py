"""Figure 5: distances between training images in the target's feature space."""

from typing import TYPE_CHECKING

from mirage.paper import measured
from mirage.paper.embeddings_plot import MEASURE, draw_violins, violins
from mirage.paper.item import Plot
from mirage.paper.measured import TargetsRecipe

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study

NAME = "figure5"
CLAIMS = (
    ("Positive smoothing tightens classes, negative smoothing reverts that: average distance "
     "within a class over that to other classes", "own_to_other", -1, 1),
    ("Positive smoothing moves the nearest image of another class away, negative smoothing brings "
     "it nearer: its distance over the largest one", "nearest_other_scaled", 1, -1),
    ("With negative smoothing the nearest image of another class is about as far as others are on "
     "average: one distance over the other", "nearest_to_other", 0, 1),
)  # fmt: skip
"""What the paper says, the number, and the sign of its difference to α = 0 above and below 0."""


def data(study: "Study", _: "Presentation") -> "pd.DataFrame":
    """Outlines of the violins."""
    return violins(measured.recipe_of(study.scale, NAME))


def draw(table: "pd.DataFrame", _: "Presentation") -> "Figure":
    """Draw them."""
    return draw_violins(table)


def reading(study: "Study", _: "Presentation") -> list[str]:
    """The paper's three claims, each with our number."""
    recipe = measured.recipe_of(study.scale, NAME)
    found = measured.numbers(recipe, MEASURE)
    records = [record for seeds in found.values() for record in seeds.values()]
    sentences = [
        f"n = {records[0]['images']:,} training images for each α and seed "
        f"({measured.seeds_told(recipe.seeds)}); every model in units of its own largest distance "
        "(“maximum-scaled” is not defined in the paper). After each claim of the paper: our means, "
        "and the difference to α = 0 with its 95 % interval over seeds."
    ]
    for claim, name, above, below in CLAIMS:
        told = measured.differences(found, name, 3, above, below)
        sentences.append(f"{claim}: {measured.means(found, name, 3)}. {told}.")
    if alone := records[0]["alone"]:
        sentences.append(f"{alone} images are alone in their class and have no distance within it.")
    return sentences


ITEM = Plot(
    name="Figure 5",
    title="Distances between penultimate activations",
    caption=(
        "Distribution over all training images of their l2 distance to images of the same class "
        "(filled) and of other classes (open) in the target's feature space: on average, and to "
        "the nearest. An image is none of its own neighbours."
    ),
    position=45,
    settings=NAME,
    recipe=TargetsRecipe,
    needs=measured.needs_of(NAME, MEASURE),
    misfits=measured.misfits_of(NAME, MEASURE),
    by_seed=measured.by_seed_of(NAME, MEASURE),
    reading=reading,
    data=data,
    draw=draw,
)
