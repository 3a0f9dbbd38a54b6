"""Threads: results in order, and few of them waiting."""

import threading
import time

import pytest
from mirage.data import parallel
from mirage.data.parallel import in_order


def nothing(result):
    return 0


def test_results_come_in_the_order_of_the_items():
    def work(item):
        time.sleep(0.01 * (item % 3))
        return item

    assert list(in_order(range(20), work, 4, nothing)) == list(range(20))


def most_waiting(size, count=40, workers=4):
    """Most results that were done and not yet taken, while the taker is slow."""
    lock, done, taken, most = threading.Lock(), 0, 0, 0

    def work(item):
        nonlocal done, most
        with lock:
            done += 1
            most = max(most, done - taken)
        return item

    for _ in in_order(range(count), work, workers, size):
        time.sleep(0.005)
        with lock:
            taken += 1
    return most


def test_small_results_wait_a_few_per_worker():
    assert 4 < most_waiting(nothing) <= parallel.AHEAD * 4 + 2


def test_large_results_do_not_pile_up():
    # Each takes the whole allowance: whatever is done is taken before anything new is begun.
    at_once = most_waiting(lambda result: parallel.MOST_WAITING_BYTES + 1)
    assert at_once <= 4 + 2  # the workers' own, and those between done and taken


def test_a_failure_is_told_in_its_turn():
    def work(item):
        if item == 3:
            raise ValueError("third")
        return item

    results = in_order(range(9), work, 2, lambda result: parallel.MOST_WAITING_BYTES)
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ValueError, match="third"):
        next(results)


def test_who_takes_no_more_waits_for_nobody():
    begun = []
    results = in_order(range(99), begun.append, 2, lambda result: parallel.MOST_WAITING_BYTES + 1)
    next(results)
    results.close()
    assert len(begun) <= 2 + 2 + 1
