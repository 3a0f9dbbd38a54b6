"""Table 8: the low-resolution attacks."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from mirage.marks import In, several
from mirage.paper.comparisons import against_hard_labels, reader, seed_by_seed
from mirage.paper.defenses import label
from mirage.paper.item import Needs, Table
from mirage.paper.tables import NAMED_BY, in_order, summarise
from mirage.recipes import Recipe
from mirage.study import cells
from mirage.study.treatment import Treatment

if TYPE_CHECKING:
    import pandas as pd

    from mirage.study.study import Study

METRICS = (
    "test_acc", "recovered_acc1", "recovered_acc1_std", "recovered_acc5", "recovered_acc5_std",
    "delta_knn", "recovered_fid", "recovered_fid_images",
)  # fmt: skip
PRINTED = {
    "acc1": "recovered_acc1", "acc1_std": "recovered_acc1_std", "acc5": "recovered_acc5",
    "acc5_std": "recovered_acc5_std", "fid": "recovered_fid",
}  # fmt: skip
"""The paper's columns -> ours."""


@dataclass(frozen=True)
class Table8Recipe(Recipe):
    """Which cells Table 8 shows.

    Attributes:
        dataset: of the targets.
        architecture: of the targets.
        attacks: a block each, in this order; an attack's ``paper`` names the paper's block.
        treatments: the rows of a block, in this order.
    """

    dataset: Annotated[str, In("datasets")]
    architecture: Annotated[str, In("architectures")]
    attacks: Annotated[tuple[Annotated[str, In("attacks")], ...], several()]
    treatments: Annotated[tuple[str, ...], several()]

    def __post_init__(self) -> None:
        for treatment in self.treatments:
            Treatment.parse(treatment)


def needs(study: "Study") -> Needs:
    """The attacks on these treatments, in the order of the rows."""
    wanted = Table8Recipe.of(study.scale["paper"]["table8"])
    return Needs(
        [
            cell
            for attack in wanted.attacks
            for treatment in wanted.treatments
            for cell in cells.select(
                study.attacks,
                dataset=wanted.dataset,
                architecture=wanted.architecture,
                attack=attack,
                treatment=Treatment.parse(treatment),
            )
        ]
    )


def with_variants(numbers: "pd.DataFrame") -> "pd.DataFrame":
    """Numbers of cells, each attack a variant that the paper has a name for."""
    return numbers.assign(variant=numbers["attack"])


def rows(numbers: "pd.DataFrame") -> "pd.DataFrame":
    """One row per attack and treatment, in the order of the cells."""
    import pandas as pd

    found = summarise(with_variants(numbers), (*NAMED_BY, "variant"), METRICS)
    return in_order(found, pd.Series(range(len(found)), index=found.index, dtype=float))


def printed(rows: "pd.DataFrame") -> "pd.DataFrame":
    """The paper's rows in our columns; its attacks are variants of one table."""
    return rows.rename(columns=PRINTED).assign(variant=rows["attack"])


def row_label(row: "pd.Series[Any]", _: object) -> str:
    """The defense and its strength."""
    return label(row)


ITEM = Table(
    name="Table 8",
    title="Low-resolution attacks on label smoothing, MID and BiDO",
    caption=(
        "Each attack measured as its own code does it: Acc@1 and Acc@5 with their spread over the "
        "images of a class, the mean squared distance δ KNN to the nearest photograph of the "
        "class, and the FID of those images alone that the evaluation network takes for the "
        "class, n of them; FIDs of very different n do not compare. The corrected reading takes "
        "all classes and all images. Queries are images that a target was shown for one class, 0 "
        "where the attack sees its gradients; variety is the mean feature distance of two images "
        "of a class."
    ),
    position=64,
    settings="table8",
    recipe=Table8Recipe,
    needs=needs,
    rows=rows,
    metrics=METRICS,
    by_seed=seed_by_seed(needs, with_variants),
    reading=reader(needs, against_hard_labels(metrics=("recovered_acc1", "delta_knn"))),
    reference=("table08",),
    matched_by=("variant", "treatment"),
    printed=printed,
    first="Defense",
    label=row_label,
    ours=("queries", "found", "variety", "real_variety"),
)
