"""Verified hits beside Acc@1: a block of our own under a table, in HTML alone."""

from dataclasses import replace
from typing import TYPE_CHECKING

from mirage.paper.numbers import select
from mirage.paper.printed import Printed, print_ours, treatment_label
from mirage.paper.tables import by_treatment

if TYPE_CHECKING:
    import pandas as pd

    from mirage.paper.item import Table
    from mirage.paper.presentation import Presentation

SHOWN = ("acc1", "verified", "unverified")
_CAPTION = (
    "Verified hits: ours, not in the paper. Acc@1 beside the share of results that the "
    "evaluation network takes for the person and whose face distance to a photograph of the person "
    "is one that almost no pair of different people falls below, calibrated on the training "
    "photographs; and the share of hits that fails this."
)


def verified_part(table: "Table", numbers: "pd.DataFrame", shown: "Presentation") -> list[Printed]:
    """The block, for a table of attack accuracies whose cells know of verified hits; else none."""
    chosen = select(numbers, fidelity=shown.fidelity)
    if "acc1" not in table.metrics or chosen["verified"].isna().all():
        return []
    by_factor = replace(table, first="α", label=lambda row, _: treatment_label(row))
    return [print_ours(by_factor, _CAPTION, by_treatment(chosen, SHOWN), SHOWN, shown)]
