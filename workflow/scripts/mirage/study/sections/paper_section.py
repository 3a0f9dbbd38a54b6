"""The section ``paper``: what its tables and figures are made of."""

from dataclasses import dataclass
from typing import Annotated

from mirage.marks import MadeBy, Omissible, Positive
from mirage.paper.items import ITEMS
from mirage.paper.recipe import ToyRecipe
from mirage.recipes import Recipe
from mirage.study.sections.registered import with_entries


@dataclass(frozen=True)
class PaperSection(Recipe):
    """Items of the paper; one without settings here, or null, is not among this scale's.

    Attributes:
        toy: the toy example of Figures 1 and 8.
        interval: wanted half-width of 95 % intervals of Acc@1, in points; the number of seeds
            follows from it.
    """

    toy: ToyRecipe
    interval: Omissible[Positive] = None


PAPER_SECTION = with_entries(
    PaperSection,
    {
        item.settings: Annotated[Recipe, MadeBy(item.recipe)] | None
        for item in ITEMS.values()
        if item.settings not in (None, "toy") and item.recipe is not None
    },
)
