"""The section ``paper``: what its tables and figures are made of."""

from dataclasses import dataclass
from typing import Annotated

from mirage.marks import MadeBy, Omissible, Positive
from mirage.paper.items import ITEMS
from mirage.recipes import Recipe
from mirage.study.sections.registered import with_entries


@dataclass(frozen=True)
class PaperSection(Recipe):
    """What the paper's items are made of; one without settings here is not among this scale's.

    Attributes:
        interval: wanted half-width of 95 % intervals of Acc@1, in points; the number of seeds
            follows from it.
    """

    interval: Omissible[Positive] = None


PAPER = with_entries(
    PaperSection,
    {
        item.settings: Annotated[Recipe, MadeBy(item.recipe)]
        for item in ITEMS.values()
        if item.settings is not None and item.recipe is not None
    },
)
