"""Table 5: who samples the starting points."""

from typing import TYPE_CHECKING

from mirage.paper.comparisons import LEAKED, Comparison, reader, seed_by_seed
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

CHOOSING = ("sample",)
"""Stages whose ties are told."""
COMPARISONS = (
    Comparison(
        "starting points of positive smoothing end better than those of hard labels",
        {"sampled_by": "ls0.1"}, {"sampled_by": STANDARD}, LEAKED,
    ),
    Comparison(
        "starting points of negative smoothing end worse",
        {"sampled_by": STANDARD}, {"sampled_by": "ls-0.05"}, LEAKED,
    ),
)  # fmt: skip


def needs(study: "Study") -> Needs:
    """Attacks that optimise on hard labels, whoever sampled, and the samples' scores."""
    recipe = SwappedRecipe.of(study.scale["paper"]["table5"])
    attacks = chosen(
        study, recipe, lambda cell: ran(cell, "optimise") == ran(cell, "select") == STANDARD
    )
    return needing_scores(study, attacks, CHOOSING)


ITEM = Table(
    name="Table 5",
    title="Sampling by models with label smoothing",
    caption=(
        "The starting points are sampled by models with smoothing factor α and all optimised on "
        "the model with hard labels. Nothing is selected: every result counts, so ξ is not that "
        "of tables with a selection."
    ),
    position=50,
    settings="table5",
    recipe=SwappedRecipe,
    needs=needs,
    rows=lambda numbers: rows(numbers, "sampled_by"),
    metrics=METRICS,
    reference=("table05",),
    matched_by=MATCHED_BY,
    printed=printed,
    first="sampled with α",
    label=lambda row, _: factor(row["sampled_by"]),
    by_seed=seed_by_seed(needs, with_runners),
    reading=with_ties(reader(needs, COMPARISONS, with_runners), needs, CHOOSING),
)
