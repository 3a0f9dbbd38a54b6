"""What a piece of work has taken so far, over all the processes that had a part in it.

The state of stopped work carries what came before; waiting is not work.
"""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple


class Effort(NamedTuple):
    """Time that work has taken.

    Attributes:
        wall_s: seconds, start-up of processes and waiting left out.
        cpu_s: seconds of all processors, start-up included.
        stretches: processes that had a part; more than 1 after an interruption.
    """

    wall_s: float = 0.0
    cpu_s: float = 0.0
    stretches: int = 0


_began = time.monotonic()
_earlier = Effort()


def begin() -> None:
    """Start counting this process's part."""
    global _began, _earlier
    _began, _earlier = time.monotonic(), Effort()


def resume(earlier: Effort) -> None:
    """Go on from what earlier processes took."""
    global _earlier
    _earlier = earlier


@contextmanager
def waiting() -> Iterator[None]:
    """Leave the time of the block out of the account."""
    global _began
    since = time.monotonic()
    try:
        yield
    finally:
        _began += time.monotonic() - since


def so_far() -> Effort:
    """All that was taken until now."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return Effort(
        _earlier.wall_s + time.monotonic() - _began,
        _earlier.cpu_s + usage.ru_utime + usage.ru_stime,
        _earlier.stretches + 1,
    )
