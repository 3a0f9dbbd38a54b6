"""Distances to the images that a target has seen: a block of our own, in HTML alone."""

from typing import TYPE_CHECKING

from mirage.paper.numbers import select
from mirage.paper.printed import Printed, print_ours
from mirage.paper.tables import by_treatment

if TYPE_CHECKING:
    import pandas as pd

    from mirage.paper.item import Table
    from mirage.paper.presentation import Presentation

SHOWN = ("delta_face", "delta_face_seen", "delta_eval", "delta_eval_seen")
_CAPTION = (
    "Distances to the images that the target has seen: ours, not in the paper. δ as above, to the "
    "nearest of all training images of the person, beside the same to the nearest of those few "
    "that the target was trained on."
)


def seen_part(table: "Table", numbers: "pd.DataFrame", shown: "Presentation") -> list[Printed]:
    """The block, for a table that asks for it and whose cells know of such distances; else none."""
    chosen = select(numbers, fidelity=shown.fidelity)
    if not table.seen or chosen["delta_face_seen"].isna().all():
        return []
    return [print_ours(table, _CAPTION, by_treatment(chosen, SHOWN), SHOWN, shown)]
