"""One rule, for every stage, for results that are no finite numbers.

They rank last and are counted; the job says how many there were, in its log and in its record.
Where a class is left with fewer finite ones than are wanted of it, the job ends at once and names
the class: results of it would not be results.
"""

import logging
from collections.abc import Sequence

import torch
from torch import Tensor

from mirage.errors import MirageError
from mirage.visible import listed

_log = logging.getLogger("mirage")

REMEDY = (
    "see whether the attack diverged: lower its learning rate, use precision fp32, check the "
    "weights of target and prior"
)


def rank(scores: Tensor, wanted: int, classes: Sequence[int], what: str) -> tuple[Tensor, Tensor]:
    """Find the best of each class.

    Args:
        scores: [K, n]; the higher the better.
        wanted: how many of each class, at most n.
        classes: the K classes, to name them.
        what: is ranked, in the plural.

    Returns:
        Scores, falling, and places among the n, both [K, wanted]. Of equal scores the lower place
        comes first; what is not finite comes last and so is never among them.

    Raises:
        MirageError: a class has fewer than ``wanted`` finite scores.
    """
    finite = scores.isfinite()
    require_enough(finite, wanted, classes, what)
    low = torch.full_like(scores, -torch.inf)
    best, order = torch.where(finite, scores, low).sort(dim=1, descending=True, stable=True)
    return best[:, :wanted].contiguous(), order[:, :wanted]


def require_enough(finite: Tensor, wanted: int, classes: Sequence[int], what: str) -> None:
    """Refuse classes of which ``finite`` (bool [K, n]) has fewer than ``wanted`` results.

    Raises:
        MirageError: names the classes, with how many they have.
    """
    counts = finite.sum(dim=1).tolist()
    pairs = zip(classes, counts, strict=True)
    short = [f"class {c} ({count} of {finite.shape[1]})" for c, count in pairs if count < wanted]
    if short:
        raise MirageError(
            f"too few {what} are finite numbers: {listed(short)}", f"{wanted} a class", REMEDY
        )


def rows_finite(values: Tensor) -> Tensor:
    """Which rows [..., D] hold finite numbers alone: bool [...]."""
    return values.isfinite().all(dim=-1)


def tell(failed: int, total: int, what: str) -> None:
    """Warn in the log that ``failed`` of ``total`` are not finite; silent if none is."""
    if failed:
        _log.warning("%d of %d %s are not finite numbers", failed, total, what)


def figures(failed: int) -> dict[str, float]:
    """What a job's record says of results that are not finite; nothing if all are."""
    return {"not finite": failed} if failed else {}
