"""Table 2: all metrics for every treatment."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from mirage.marks import In, Omissible, Samples, several
from mirage.paper.comparisons import against_hard_labels, reader
from mirage.paper.defenses import is_defense
from mirage.paper.item import Needs, Table, budget
from mirage.paper.printed import treatment_label
from mirage.paper.tables import by_treatment
from mirage.recipes import Recipe
from mirage.study.cells import Target

if TYPE_CHECKING:
    import pandas as pd

    from mirage.study.study import Study

METRICS = (
    "test_acc", "ece", "acc1", "acc1_std", "acc5", "delta_face", "delta_eval", "fid", "xi_train",
    "xi_test",
)  # fmt: skip


@dataclass(frozen=True)
class Table2Recipe(Recipe):
    """Which cells Table 2 shows.

    Attributes:
        attacks: on whichever target; others are no part of it.
        samples: training images per class, or ``all``, of the targets; any, where it is left out.
    """

    attacks: Annotated[tuple[Annotated[str, In("attacks")], ...], several()]
    samples: Omissible[Annotated[tuple[Samples, ...], several()]] = None


def needs(study: "Study") -> Needs:
    """The attacks of these names; Table 3 has the defenses, Table 9 what others' metrics stop."""
    wanted = Table2Recipe.of(study.scale["paper"]["table2"])
    budgets = None if wanted.samples is None else set(map(budget, wanted.samples))

    def shown(target: Target) -> bool:
        treatment = target.treatment
        others = is_defense(treatment) or bool(treatment.siblings)
        return not others and (budgets is None or target.samples in budgets)

    return Needs(
        [cell for cell in study.attacks if str(cell) in wanted.attacks and shown(cell.target)]
    )


def rows(numbers: "pd.DataFrame") -> "pd.DataFrame":
    """One row per block and treatment."""
    return by_treatment(numbers, METRICS)


ITEM = Table(
    name="Table 2",
    title="Attack results for all smoothing factors",
    caption=(
        "All metrics for every architecture, number of training images per class, attack and "
        "smoothing factor α, as means over seeds with their standard deviation. Where no number "
        "of the paper stands below, the row is ours; one with a limited number of images is "
        "the paper's Table 4."
    ),
    position=2,
    settings="table2",
    recipe=Table2Recipe,
    needs=needs,
    rows=rows,
    metrics=METRICS,
    reference=("table02", "table04"),
    first="α",
    label=lambda row, _: treatment_label(row),
    ours=("precision", "recall", "density", "coverage"),
    reading=reader(needs, against_hard_labels()),
)
