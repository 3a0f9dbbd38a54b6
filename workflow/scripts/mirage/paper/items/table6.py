"""Table 6: which model is optimised on."""

from typing import TYPE_CHECKING

from mirage.paper.comparisons import Comparison, reader, seed_by_seed
from mirage.paper.item import Needs, Table
from mirage.paper.printed import treatment_label
from mirage.paper.saturated import needing_scores, with_ties
from mirage.paper.swapped import (
    MATCHED_BY,
    METRICS,
    SwappedRecipe,
    chosen,
    printed,
    ran,
    rows,
    with_runners,
)
from mirage.paper.tables import STANDARD

if TYPE_CHECKING:
    from mirage.study.study import Study

CHOOSING = ("sample",)
"""Stages whose ties are told."""
SHOWN = ("acc1", "delta_face", "delta_eval", "xi_train")
COMPARISONS = (
    Comparison(
        "from the same start, the model with positive smoothing gives more away",
        {"treatment": "ls0.1"}, {"treatment": STANDARD}, SHOWN,
    ),
    Comparison(
        "the model with negative smoothing gives less away",
        {"treatment": STANDARD}, {"treatment": "ls-0.05"}, SHOWN,
    ),
)  # fmt: skip


def needs(study: "Study") -> Needs:
    """Attacks that hard labels sampled for, whatever is optimised on, and the samples' scores."""
    recipe = SwappedRecipe.of(study.scale["paper"]["table6"])
    attacks = chosen(
        study,
        recipe,
        lambda cell: (
            ran(cell, "sample") == STANDARD and ran(cell, "select") == ran(cell, "optimise")
        ),
    )
    return needing_scores(study, attacks, CHOOSING)


ITEM = Table(
    name="Table 6",
    title="Optimisation on models with label smoothing",
    caption=(
        "The same starting points, sampled by the model with hard labels, optimised on models "
        "with smoothing factor α under the same random crops. Nothing is selected: every result "
        "counts, so ξ is not that of tables with a selection."
    ),
    position=51,
    settings="table6",
    recipe=SwappedRecipe,
    needs=needs,
    rows=lambda numbers: rows(numbers, "treatment"),
    metrics=METRICS,
    reference=("table06",),
    matched_by=MATCHED_BY,
    printed=printed,
    first="optimised on α",
    label=lambda row, _: treatment_label(row),
    by_seed=seed_by_seed(needs, with_runners),
    reading=with_ties(reader(needs, COMPARISONS, with_runners), needs, CHOOSING),
)
