"""Table 4: label smoothing when there are few training images."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from mirage.marks import Count, In, several
from mirage.paper.comparisons import Comparison, against_hard_labels, reader
from mirage.paper.item import Needs, Table
from mirage.paper.printed import treatment_label
from mirage.paper.tables import STANDARD, by_treatment
from mirage.recipes import Recipe
from mirage.study import cells

if TYPE_CHECKING:
    import pandas as pd

    from mirage.study.study import Study

METRICS = (
    "test_acc", "ece", "acc1", "acc5", "delta_face", "delta_eval", "fid", "xi_train", "xi_test",
)  # fmt: skip
COMPARISONS = (
    *against_hard_labels(),
    Comparison(
        "α = 0.1 is more accurate", {"treatment": "ls0.1"}, {"treatment": STANDARD}, ("test_acc",)
    ),
)


@dataclass(frozen=True)
class Table4Recipe(Recipe):
    """Which cells Table 4 shows, of every data set that has them.

    Attributes:
        architecture: of the targets.
        samples: training images per class, a block of rows each.
        attack: on them.
    """

    architecture: Annotated[str, In("architectures")]
    samples: Annotated[tuple[Count, ...], several()]
    attack: Annotated[str, In("attacks")]


def needs(study: "Study") -> Needs:
    """The attacks on targets that saw few images."""
    wanted = Table4Recipe.of(study.scale["paper"]["table4"])
    return Needs(
        [
            cell
            for cell in cells.select(
                study.attacks, architecture=wanted.architecture, attack=wanted.attack
            )
            if cell.target.samples in wanted.samples and cell.target.treatment.alpha is not None
        ]
    )


def rows(numbers: "pd.DataFrame") -> "pd.DataFrame":
    """One row per number of images and treatment."""
    return by_treatment(numbers, METRICS)


ITEM = Table(
    name="Table 4",
    title="Attack results when there are few training images",
    caption=(
        "Targets trained with a limited number of images per class, by smoothing factor α. "
        "Distances and ξ are taken over all training images of a person, also those that the "
        "target has not seen."
    ),
    position=40,
    settings="table4",
    recipe=Table4Recipe,
    needs=needs,
    rows=rows,
    metrics=METRICS,
    reference=("table04",),
    seen=True,
    first="α",
    label=lambda row, _: treatment_label(row),
    reading=reader(needs, COMPARISONS),
)
