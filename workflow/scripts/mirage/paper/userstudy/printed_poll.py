"""The paper's own votes, as counts."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

TASKS = 150
"""Of each data set (paper C.10)."""
TIES = {"FaceScrub": 16, "CelebA": 13}
"""Tasks of three different votes, which its shares leave out (paper C.10)."""


@dataclass(frozen=True)
class PrintedPoll:
    """Counts behind printed shares.

    Attributes:
        dataset: as the paper calls it.
        won: treatment -> tasks won.
        ties: tasks left out.
    """

    dataset: str
    won: dict[str, int]
    ties: int

    @property
    def shares(self) -> tuple[float, float]:
        """The largest share and the second."""
        first, second, *_ = sorted(self.won.values(), reverse=True)
        decided = sum(self.won.values())
        return first / decided, second / decided


def printed_poll(dataset: str | None, rows: "pd.DataFrame") -> PrintedPoll | None:
    """Counts of a data set of the paper by its table's rows; None of one it has no votes on."""
    if dataset not in TIES:
        return None
    rows = rows[rows["dataset"] == dataset]
    decided = TASKS - TIES[dataset]
    won = {
        str(row["treatment"]): round(row["user_preference"] * decided / 100)
        for _, row in rows.iterrows()
    }
    return PrintedPoll(dataset, won, TIES[dataset])
