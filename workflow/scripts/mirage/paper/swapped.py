"""Attacks of which one stage was run by another model (paper Tables 5, 6 and 7)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from mirage.marks import In, Samples, several
from mirage.paper.item import budget, with_common_seeds
from mirage.paper.printed import number
from mirage.paper.tables import by_treatment
from mirage.recipes import Recipe
from mirage.study import cells
from mirage.study.cells import Attack, parse
from mirage.study.treatment import Treatment

if TYPE_CHECKING:
    import pandas as pd

    from mirage.study.study import Study

METRICS = ("acc1", "acc5", "delta_face", "delta_eval", "fid", "xi_train", "xi_test")
MATCHED_BY = ("dataset", "architecture", "treatment", "sampled_by", "selected_by")


@dataclass(frozen=True)
class SwappedRecipe(Recipe):
    """Which cells such a table compares, on every data set that has them.

    Attributes:
        architecture: of the targets.
        samples: training images per class, or ``all``.
        attacks: on them, whoever runs their stages; a block of rows each.
    """

    architecture: Annotated[str, In("architectures")]
    samples: Samples
    attacks: Annotated[tuple[Annotated[str, In("attacks")], ...], several()]


def chosen(study: "Study", recipe: SwappedRecipe, wanted: Callable[[Attack], bool]) -> list[Attack]:
    """The attacks of these names that an item wants, with or without swaps."""
    return with_common_seeds(
        cell
        for cell in cells.select(
            study.attacks, architecture=recipe.architecture, samples=budget(recipe.samples)
        )
        if cell.name in recipe.attacks and wanted(cell)
    )


def ran(cell: Attack, role: str) -> str:
    """Treatment of the model that ran a stage."""
    return str(cell.runner(role).treatment)


def with_runners(numbers: "pd.DataFrame") -> "pd.DataFrame":
    """Numbers of cells with ``sampled_by`` and ``selected_by``, under the attack's plain name."""
    parsed = [parse(path) for path in numbers["cell"]]
    attacks = [cell for cell in parsed if isinstance(cell, Attack)]
    return numbers.assign(
        attack=[cell.name for cell in attacks],
        sampled_by=[ran(cell, "sample") for cell in attacks],
        selected_by=[ran(cell, "select") for cell in attacks],
    )


def rows(numbers: "pd.DataFrame", role: str) -> "pd.DataFrame":
    """One row per three models: the optimised one, the one that sampled, the one that selected.

    Args:
        numbers: of cells, of one fidelity.
        role: column whose models follow one another within a treatment, the largest α first.
    """
    named = with_runners(numbers)
    named = named.assign(_alpha=[-(Treatment.parse(name).alpha or 0.0) for name in named[role]])
    in_order = named.sort_values(["_alpha", "seed"], kind="stable")
    return by_treatment(in_order, METRICS, ("sampled_by", "selected_by"))


def printed(rows: "pd.DataFrame") -> "pd.DataFrame":
    """The paper's rows with these models; a stage of which it says nothing is the target's."""
    optimised = rows["optimization_alpha"].map(_named)

    def runner(column: str) -> "pd.Series[str]":
        return rows[column].map(_named) if column in rows else optimised

    return rows.assign(
        treatment=optimised,
        sampled_by=runner("sampling_alpha"),
        selected_by=runner("selection_alpha"),
    )


def _named(alpha: float) -> str:
    return str(Treatment.smoothing(alpha))


def factor(treatment: str) -> str:
    """A model as readers see it, by its smoothing factor."""
    alpha = Treatment.parse(treatment).alpha
    return treatment if alpha is None else number(alpha, 3, trim=True)
