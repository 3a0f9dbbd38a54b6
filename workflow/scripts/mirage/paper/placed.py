"""Recipes of items that are about one data set and one architecture."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from mirage.marks import In, Samples
from mirage.paper.item import budget
from mirage.recipes import Recipe
from mirage.study import cells
from mirage.study.cells import Attack, Target
from mirage.study.treatment import Treatment

if TYPE_CHECKING:
    from mirage.study.study import Study


@dataclass(frozen=True)
class PlacedRecipe(Recipe):
    """Which targets an item is about.

    Attributes:
        dataset: of the targets.
        architecture: of the targets.
        samples: training images per class, or ``all``.
    """

    dataset: Annotated[str, In("datasets")]
    architecture: Annotated[str, In("architectures")]
    samples: Samples

    def target(self, treatment: str, seed: int) -> Target:
        """One of them."""
        samples = budget(self.samples)
        return Target(self.dataset, self.architecture, Treatment.parse(treatment), samples, seed)


@dataclass(frozen=True)
class AttackedRecipe(PlacedRecipe):
    """Whose advantages a figure shows, for every treatment that the study has.

    Attributes:
        attack: on them.
    """

    attack: Annotated[str, In("attacks")]

    def found(self, study: "Study") -> list[Attack]:
        """The attacks of a study that are meant."""
        wanted = {**vars(self), "samples": budget(self.samples)}
        return list(cells.select(study.attacks, **wanted))
