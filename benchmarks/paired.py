"""Paired timing: two ways to do the same work, taking turns in one process."""

import statistics
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple


class Ratio(NamedTuple):
    """How many times as much the reference needs.

    Attributes:
        median: over the repetitions' ratios.
        low: smallest of them.
        high: largest of them.
        ours: median seconds of ours.
        reference: median seconds of the reference.
    """

    median: float
    low: float
    high: float
    ours: float
    reference: float


def ratio_of(ours: list[float], reference: list[float]) -> Ratio:
    """Summarise seconds of repetitions, paired by position."""
    ratios = [theirs / own for own, theirs in zip(ours, reference, strict=True)]
    return Ratio(
        statistics.median(ratios),
        min(ratios),
        max(ratios),
        statistics.median(ours),
        statistics.median(reference),
    )


def paired(
    ours: Callable[[], object],
    reference: Callable[[], object],
    repetitions: int,
    clock: Callable[[], float] = time.perf_counter,
) -> Ratio:
    """Time ours, reference, ours, reference, ... after one untimed run of each.

    Neighbours in time share the machine's load, so their ratio is steadier than either time. The
    clock tells seconds; ``time.process_time`` leaves out those in which others had the processor.
    """
    return ratio_of(*by_turns([ours, reference], repetitions, clock))


def by_turns(
    works: Sequence[Callable[[], object]],
    repetitions: int,
    clock: Callable[[], float] = time.perf_counter,
) -> list[list[float]]:
    """Time several works one after the other, again and again, after one untimed run of each."""
    for work in works:
        work()
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repetitions):
        for work, taken in zip(works, times, strict=True):
            start = clock()
            work()
            taken.append(clock() - start)
    return times
