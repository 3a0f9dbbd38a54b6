"""Table 7: who selects among the results."""

from typing import TYPE_CHECKING

from mirage.paper.comparisons import Comparison, reader, seed_by_seed
from mirage.paper.item import Needs, Table
from mirage.paper.saturated import needing_scores, with_ties
from mirage.paper.swapped import (
    MATCHED_BY,
    METRICS,
    SwappedRecipe,
    chosen,
    factor,
    printed,
    ran,
    rows,
    with_runners,
)
from mirage.paper.tables import STANDARD

if TYPE_CHECKING:
    from mirage.study.study import Study

OPTIMISED = (STANDARD, "ls-0.05")
"""The models whose results the paper selects anew."""
CHOOSING = ("sample", "select")
"""Stages whose ties are told."""
SHOWN = ("acc1", "delta_face")


def needs(study: "Study") -> Needs:
    """Attacks on either model, whoever selected, and the scores of what was chosen."""
    recipe = SwappedRecipe.of(study.scale["paper"]["table7"])
    attacks = chosen(
        study,
        recipe,
        lambda cell: (
            ran(cell, "sample") == ran(cell, "optimise") and ran(cell, "optimise") in OPTIMISED
        ),
    )
    return needing_scores(study, attacks, CHOOSING)


def _comparisons() -> tuple[Comparison, ...]:
    found = []
    for optimised, name in zip(OPTIMISED, ("hard labels", "negative smoothing"), strict=True):
        of = {"treatment": optimised}
        found += [
            Comparison(
                f"selection by positive smoothing improves the attack on {name}",
                {**of, "selected_by": "ls0.1"}, {**of, "selected_by": STANDARD}, SHOWN,
            ),
            Comparison(
                f"selection by negative smoothing degrades the attack on {name}",
                {**of, "selected_by": STANDARD}, {**of, "selected_by": "ls-0.05"}, SHOWN,
            ),
        ]  # fmt: skip
    return tuple(found)


ITEM = Table(
    name="Table 7",
    title="Selection by models with label smoothing",
    caption=(
        "The results of the attacks on the models with hard labels and with negative smoothing, "
        "selected anew by models with smoothing factor α under the same random crops."
    ),
    position=52,
    settings="table7",
    recipe=SwappedRecipe,
    needs=needs,
    rows=lambda numbers: rows(numbers, "selected_by"),
    metrics=METRICS,
    reference=("table07",),
    matched_by=MATCHED_BY,
    printed=printed,
    first="optimised on α, selected with α",
    label=lambda row, _: f"{factor(row['treatment'])}, {factor(row['selected_by'])}",
    by_seed=seed_by_seed(needs, with_runners),
    reading=with_ties(reader(needs, _comparisons(), with_runners), needs, CHOOSING),
)
