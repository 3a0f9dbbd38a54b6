"""Which of the attacked people are shown: the first of one draw, the same for every attack.

No torch: tables and figures ask, too.
"""

from collections.abc import Iterable
from functools import partial

from mirage.streams import seed_of

SEED = 42
"""Of the draw. No setting: who is shown shall be nobody's choice."""


def drawn(classes: Iterable[int], count: int) -> list[int]:
    """The first so many of some classes, in the order of the draw.

    All classes are ordered by the hash of seed and class. So attacks on the same classes show the
    same ones, whatever else they are; and the first of those kept are the first of all.

    Args:
        classes: those that were attacked, in any order.
        count: how many are wanted; all, where there are no more.
    """
    return sorted(classes, key=partial(seed_of, SEED, "gallery"))[:count]
