"""Table 9: targets stopped early, at the test accuracy of negative smoothing."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from mirage.marks import In, Samples
from mirage.paper.comparisons import Comparison, reader
from mirage.paper.item import Needs, Table, budget, with_common_seeds
from mirage.paper.printed import number
from mirage.paper.tables import by_treatment
from mirage.recipes import Recipe
from mirage.study import cells
from mirage.study.treatment import Treatment

if TYPE_CHECKING:
    import pandas as pd

    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study

METRICS = ("test_acc", "acc1", "acc5", "delta_face", "delta_eval", "fid", "xi_train", "xi_test")
NEGATIVE = "ls-0.05"
STOPPED = tuple(f"{treatment}+stop@{NEGATIVE}" for treatment in ("ls0", "ls0.1"))
COMPARISONS = tuple(
    Comparison(
        f"at the same test accuracy negative smoothing gives less away than {name} stopped early",
        {"treatment": treatment}, {"treatment": NEGATIVE}, ("acc1", "delta_face"),
    )
    for treatment, name in zip(STOPPED, ("hard labels", "positive smoothing"), strict=True)
)  # fmt: skip


@dataclass(frozen=True)
class Table9Recipe(Recipe):
    """Which cells Table 9 compares, on every data set that has them.

    Attributes:
        architecture: of the targets.
        samples: training images per class, or ``all``.
        attack: on them, on the same people for all.
    """

    architecture: Annotated[str, In("architectures")]
    samples: Samples
    attack: Annotated[str, In("attacks")]


def needs(study: "Study") -> Needs:
    """The attacks on the stopped models and on the one whose accuracy is their goal."""
    wanted = Table9Recipe.of(study.scale["paper"]["table9"])
    return Needs(
        with_common_seeds(
            cell
            for cell in cells.select(
                study.attacks,
                architecture=wanted.architecture,
                samples=budget(wanted.samples),
                attack=wanted.attack,
            )
            if str(cell.target.treatment) in (*STOPPED, NEGATIVE)
        )
    )


def rows(numbers: "pd.DataFrame") -> "pd.DataFrame":
    """The stopped models, and negative smoothing last."""
    found = by_treatment(numbers, METRICS)
    order = found["treatment"].map([*STOPPED, NEGATIVE].index)
    block = found.groupby(["dataset", "architecture"], sort=False).ngroup()
    return found.loc[order.add(block * len(order)).sort_values().index].reset_index(drop=True)


def printed(rows: "pd.DataFrame") -> "pd.DataFrame":
    """The paper's rows; those stopped early are other treatments."""
    stop = rows["early_stopped"].map({1: f"+stop@{NEGATIVE}", 0: ""})
    return rows.assign(treatment=rows["treatment"] + stop)


def label(row: "pd.Series[Any]", _: "Presentation") -> str:
    """α, and whether the training was stopped."""
    treatment = str(row["treatment"])
    alpha = Treatment.parse(treatment.partition("+")[0]).alpha
    return number(alpha, 3, trim=True) + (", stopped early" if "+" in treatment else "")


ITEM = Table(
    name="Table 9",
    title="Early stopping at the test accuracy of negative smoothing",
    caption=(
        "Models with hard labels and with positive smoothing whose training ended with the first "
        "epoch that reached the test accuracy of our model with α = -0.05 of the same seed; the "
        "goal is read off the test images. All rows attack the same people; the paper attacks 50 "
        "in the first rows and all of them in its row of negative smoothing."
    ),
    position=60,
    settings="table9",
    recipe=Table9Recipe,
    needs=needs,
    rows=rows,
    metrics=METRICS,
    reference=("table09",),
    matched_by=("dataset", "architecture", "treatment"),
    printed=printed,
    first="α",
    label=label,
    reading=reader(needs, COMPARISONS),
)
