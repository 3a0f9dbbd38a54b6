"""Table 10: variants of the attack against negative smoothing."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from mirage.marks import In, several
from mirage.paper.comparisons import Comparison, explained, read, seed_by_seed
from mirage.paper.item import Needs, Table, budget, with_common_seeds
from mirage.paper.numbers import collect, select
from mirage.paper.placed import AttackedRecipe
from mirage.paper.tables import STANDARD, by_treatment
from mirage.study import cells

if TYPE_CHECKING:
    import pandas as pd

    from mirage.paper.presentation import Presentation
    from mirage.study.cells import Attack
    from mirage.study.study import Study

METRICS = ("acc1", "acc5", "delta_face", "delta_eval", "fid", "xi_train", "xi_test")
NEGATIVE = "ls-0.05"


@dataclass(frozen=True)
class Table10Recipe(AttackedRecipe):
    """Which attacks Table 10 compares.

    Attributes:
        attack: the one that is varied; on hard labels as well.
        variants: of it, a row each; the paper's name for one stands with the attack's settings.
    """

    variants: Annotated[tuple[Annotated[str, In("attacks")], ...], several()]


def _recipe(study: "Study") -> Table10Recipe:
    return Table10Recipe.of(study.scale["paper"]["table10"])


def needs(study: "Study") -> Needs:
    """The attack and its variants on negative smoothing, and the attack on hard labels."""
    wanted = _recipe(study)

    def shown(cell: "Attack") -> bool:
        treatment, attack = str(cell.target.treatment), str(cell)
        if treatment == STANDARD:
            return attack == wanted.attack
        return treatment == NEGATIVE and attack in (wanted.attack, *wanted.variants)

    return Needs(
        with_common_seeds(
            cell
            for cell in cells.select(
                study.attacks,
                dataset=wanted.dataset,
                architecture=wanted.architecture,
                samples=budget(wanted.samples),
            )
            if shown(cell)
        )
    )


def with_variants(numbers: "pd.DataFrame") -> "pd.DataFrame":
    """Numbers of cells whose attack is a ``variant``, so that all stand in one block."""
    return numbers.assign(variant=numbers["attack"], attack="")


def rows(numbers: "pd.DataFrame") -> "pd.DataFrame":
    """One row per variant, in the order of the configuration; hard labels first."""
    return by_treatment(with_variants(numbers), METRICS, ("variant",))


def label(row: "pd.Series[Any]", shown: "Presentation") -> str:
    """The variant's title, and what stands out: that the model has hard labels."""
    return shown.label(row["variant"]) + (", α = 0" if row["treatment"] == STANDARD else "")


def reading(study: "Study", shown: "Presentation") -> list[str]:
    """Whether a variant breaks the protection."""
    wanted = _recipe(study)
    numbers = with_variants(select(collect(needs(study).attacks), fidelity=shown.fidelity))
    hard = {"treatment": STANDARD, "variant": wanted.attack}
    comparisons = [
        Comparison(
            f"{shown.label(variant)} does not break the protection: hard labels give more away",
            hard, {"treatment": NEGATIVE, "variant": variant}, ("acc1", "delta_face"),
        )
        for variant in (wanted.attack, *wanted.variants)
    ]  # fmt: skip
    return explained(read(numbers, comparisons, shown))


ITEM = Table(
    name="Table 10",
    title="Variants of the attack against negative smoothing",
    caption=(
        "One change of the attack each, against models with α = -0.05, on the same people; first "
        "the attack itself on models with hard labels. Where no number of the paper stands below, "
        "the row is ours. The paper's first row is of all people, its others are of 50."
    ),
    position=61,
    settings="table10",
    recipe=Table10Recipe,
    needs=needs,
    rows=rows,
    metrics=METRICS,
    reference=("table10",),
    matched_by=("dataset", "architecture", "treatment", "variant"),
    first="attack",
    label=label,
    by_seed=seed_by_seed(needs, with_variants),
    reading=reading,
)
