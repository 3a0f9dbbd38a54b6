"""The simulated queue against what must hold of every queue."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mirage.forecast.graph import Task, needs
from mirage.forecast.schedule import simulate
from mirage.forecast.work import Job, Work


def _job(name):
    return Job.of("rule", name=str(name))


def _plan(edges, gpu=True):
    """A plan of jobs 0..n-1; edges[i] are the earlier jobs that i needs."""
    return {
        _job(i): Task(
            inputs=tuple(f"f{before}" for before in needed), outputs={f"f{i}": 1.0}, gpu=gpu
        )
        for i, needed in enumerate(edges)
    }


def test_a_chain_takes_the_sum_on_any_number_of_devices():
    plan = _plan([[], [0], [1], [2]])
    for devices in (1, 4):
        assert simulate(plan, lambda _: 5.0, devices, 1).seconds == 20.0


def test_independent_jobs_share_the_devices():
    plan = _plan([[] for _ in range(10)])
    assert simulate(plan, lambda _: 3.0, 4, 1).seconds == 9.0  # 4 + 4 + 2
    assert simulate(plan, lambda _: 3.0, 1, 99).seconds == 30.0


def test_cores_and_devices_are_counted_apart():
    plan = {
        _job("a"): Task(outputs={"a": 1.0}, gpu=True),
        _job("b"): Task(outputs={"b": 1.0}, gpu=False),
    }
    assert simulate(plan, lambda _: 7.0, 1, 1).seconds == 7.0


def test_a_temporary_file_goes_with_its_last_reader():
    plan = {
        _job("make"): Task(outputs={"big": 100.0, "kept": 5.0}, temporary=("big",), gpu=True),
        _job("read"): Task(Work(state_bytes=7.0), ("big",), {"x": 1.0}, gpu=True),
        _job("other"): Task(Work(state_bytes=50.0), ("kept",), {"y": 1.0}, gpu=True),
    }
    assert simulate(plan, lambda _: 1.0, 1, 1).temporary_bytes == 107.0
    assert simulate(plan, lambda _: 1.0, 2, 1).temporary_bytes == 157.0


def test_readers_of_temporary_files_come_first():
    plan = {}
    for i in range(6):
        plan[_job(f"make{i}")] = Task(outputs={f"big{i}": 100.0}, temporary=(f"big{i}",), gpu=True)
        plan[_job(f"read{i}")] = Task(inputs=(f"big{i}",), outputs={f"x{i}": 1.0}, gpu=True)
    assert simulate(plan, lambda _: 1.0, 1, 1).temporary_bytes == 100.0


@st.composite
def _graphs(draw):
    count = draw(st.integers(1, 12))
    edges = [
        draw(st.lists(st.integers(0, i - 1), unique=True, max_size=3)) if i else []
        for i in range(count)
    ]
    seconds = draw(st.lists(st.floats(0.1, 9.0), min_size=count, max_size=count))
    return edges, seconds


@settings(max_examples=60, deadline=None)
@given(_graphs(), st.integers(1, 4))
def test_no_queue_beats_the_longest_way_or_the_devices(graph, devices):
    edges, seconds = graph
    plan = _plan(edges)
    cost = {_job(i): second for i, second in enumerate(seconds)}
    ends = {}
    for job, waits in needs(plan).items():
        ends[job] = cost[job] + max((ends[other] for other in waits), default=0.0)
    wall = simulate(plan, cost.__getitem__, devices, 1).seconds
    assert wall >= max(ends.values()) - 1e-6
    assert wall >= sum(seconds) / devices - 1e-6
    # Graham's bound of list scheduling.
    assert wall <= sum(seconds) / devices + max(ends.values()) + 1e-6
    assert simulate(plan, cost.__getitem__, 1, 1).seconds == pytest.approx(sum(seconds))
