"""The section ``paper``: what its tables and figures are made of."""

from dataclasses import dataclass
from typing import Annotated

from mirage.marks import Count, Omissible, Positive, Seed, several
from mirage.paper.recipe import ToyRecipe
from mirage.recipes import Recipe
from mirage.study.sections.grids import Alpha, Samples
from mirage.study.sections.names import ArchitectureName, AttackName, DatasetName


@dataclass(frozen=True)
class Table1Section(Recipe):
    """Cells of Table 1.

    Attributes:
        architecture: of the targets.
        samples: training images per class.
        attack: on them.
    """

    architecture: ArchitectureName
    samples: Samples
    attack: AttackName


@dataclass(frozen=True)
class Figure3Section(Table1Section):
    """Cells of Figure 3.

    Attributes:
        dataset: of the targets.
        seed: of the targets.
        alphas: a column of images each.
        classes: a row of images each.
    """

    dataset: DatasetName
    seed: Seed
    alphas: Annotated[tuple[Alpha, ...], several()]
    classes: Count


@dataclass(frozen=True)
class PaperSection(Recipe):
    """What the paper's items are made of.

    Attributes:
        table1: cells of Table 1.
        figure3: cells of Figure 3.
        toy: the toy example of Figure 1.
        interval: wanted half-width of 95 % intervals of Acc@1, in points; the number of seeds
            follows from it.
    """

    table1: Table1Section
    figure3: Figure3Section
    toy: ToyRecipe
    interval: Omissible[Positive] = None
