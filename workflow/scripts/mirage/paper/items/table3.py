"""Table 3: negative label smoothing beside two defenses made for the purpose, MID and BiDO."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from mirage.marks import In, Samples, several
from mirage.paper.defenses import label, reading
from mirage.paper.item import Needs, Table, budget
from mirage.paper.items.table2 import METRICS
from mirage.paper.numbers import collect, select
from mirage.paper.tables import NAMED_BY, in_order, summarise
from mirage.recipes import Recipe
from mirage.study import cells
from mirage.study.treatment import Treatment

if TYPE_CHECKING:
    import pandas as pd

    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study


@dataclass(frozen=True)
class Table3Recipe(Recipe):
    """Which cells Table 3 compares, on every data set that has them.

    Attributes:
        architecture: of the targets.
        samples: training images per class, or ``all``.
        attack: on them.
        treatments: its rows, in this order, each of one part.
    """

    architecture: Annotated[str, In("architectures")]
    samples: Samples
    attack: Annotated[str, In("attacks")]
    treatments: Annotated[tuple[str, ...], several()]

    def __post_init__(self) -> None:
        for treatment in self.treatments:
            Treatment.parse(treatment)


def needs(study: "Study") -> Needs:
    """The attacks on these treatments, in the order of the rows."""
    wanted = Table3Recipe.of(study.scale["paper"]["table3"])
    return Needs(
        [
            cell
            for treatment in wanted.treatments
            for cell in cells.select(
                study.attacks,
                architecture=wanted.architecture,
                samples=budget(wanted.samples),
                attack=wanted.attack,
                treatment=Treatment.parse(treatment),
            )
        ]
    )


def rows(numbers: "pd.DataFrame") -> "pd.DataFrame":
    """One row per block and treatment, in the order of the cells."""
    import pandas as pd

    found = summarise(numbers, NAMED_BY, METRICS)
    return in_order(found, pd.Series(range(len(found)), index=found.index, dtype=float))


def read(study: "Study", shown: "Presentation") -> list[str]:
    """What the paper says of the defenses, and what of it shows."""
    numbers = select(collect(needs(study).attacks), fidelity=shown.fidelity)
    return [f"{sentence}." for sentence in reading(numbers, shown)]


ITEM = Table(
    name="Table 3",
    title="Negative label smoothing beside MID and BiDO",
    caption=(
        "Models trained with negative label smoothing, with MID's information bottleneck of weight "
        "β, which draws noise under test and attack as well, and with BiDO's dependencies of "
        "weights λ on images and labels: all metrics as means over seeds with their standard "
        "deviation."
    ),
    position=7,
    settings="table3",
    recipe=Table3Recipe,
    needs=needs,
    rows=rows,
    metrics=METRICS,
    reference=("table03",),
    first="Defense",
    label=lambda row, _: label(row),
    reading=read,
    ours=("precision", "recall", "density", "coverage"),
)
