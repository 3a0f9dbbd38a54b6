"""Work shared among threads whose results come in the order of the items."""

import math
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")
AHEAD = 4  # items done in advance per worker: enough to keep busy, little in memory
MOST_WAITING_BYTES = 512 << 20
"""Results that may wait; above, no worker begins another item until some are taken."""


class _Room:
    """Counts the bytes of results that wait, and lets workers begin while there is room."""

    def __init__(self) -> None:
        self._change = threading.Condition()
        self._held: float = 0
        self._next = 0

    def wait(self, number: int) -> None:
        """Wait until there is room, or nothing else can make some: item ``number`` is due."""
        with self._change:
            self._change.wait_for(lambda: self._held <= MOST_WAITING_BYTES or number == self._next)

    def fill(self, count: int) -> None:
        """Count a result that waits."""
        with self._change:
            self._held += count

    def free(self, count: float) -> None:
        """Count a result as taken; the next item is due."""
        with self._change:
            self._held -= count
            self._next += 1
            self._change.notify_all()


def in_order(
    items: Iterable[Item],
    work: Callable[[Item], Result],
    workers: int,
    size: Callable[[Result], int],
) -> Iterator[Result]:
    """Yield ``work(item)`` of each item, in order, with few results in memory.

    At most ``AHEAD * workers`` results wait, and no item is begun while they take more than
    ``MOST_WAITING_BYTES`` by ``size``.
    """
    room = _Room()

    def bounded(number: int, item: Item) -> Result:
        room.wait(number)
        result = work(item)
        room.fill(size(result))
        return result

    waiting: deque[Future[Result]] = deque()

    def take() -> Result:
        result = waiting.popleft().result()
        room.free(size(result))
        return result

    with ThreadPoolExecutor(workers) as pool:
        try:
            for number, item in enumerate(items):
                waiting.append(pool.submit(bounded, number, item))
                if len(waiting) > AHEAD * workers:
                    yield take()
            while waiting:
                yield take()
        finally:  # whoever takes no more, or failed, leaves no worker waiting
            pool.shutdown(wait=False, cancel_futures=True)
            room.free(math.inf)
