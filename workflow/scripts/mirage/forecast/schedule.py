"""Wall time on a number of devices, by running the plan through a simulated queue."""

import heapq
from collections import Counter
from collections.abc import Callable
from typing import NamedTuple

from mirage.forecast.graph import Plan, needs
from mirage.forecast.work import Job


class Schedule(NamedTuple):
    """How a plan would run.

    Attributes:
        seconds: from the first job's start to the last one's end.
        temporary_bytes: most bytes of temporary outputs and saved state at any moment.
    """

    seconds: float
    temporary_bytes: float


def simulate(jobs: Plan, seconds: Callable[[Job], float], devices: int, cores: int) -> Schedule:
    """Run a plan: whenever a device or core is free, the most urgent job starts.

    Those that read a temporary file come first, as in the workflow's own scheduler, which likes to
    free disk; then those with the longest way to go.

    A job that asks for a GPU holds one device, any other one core. A temporary file is there from
    its job's start until its last reader ends, saved state while its job runs.

    Args:
        jobs: the plan, each job after those it needs.
        seconds: wall time of a job.
        devices: jobs with a GPU at a time.
        cores: other jobs at a time.
    """
    waits = needs(jobs)
    readers: dict[Job, list[Job]] = {job: [] for job in jobs}
    for job, needed in waits.items():
        for other in needed:
            readers[other].append(job)
    ahead: dict[Job, float] = {}
    for job in reversed(list(jobs)):
        ahead[job] = seconds(job) + max((ahead[reader] for reader in readers[job]), default=0.0)
    missing = {job: len(needed) for job, needed in waits.items()}
    temporary = {path for task in jobs.values() for path in task.temporary}
    frees = {job: temporary.intersection(task.inputs) for job, task in jobs.items()}
    unread = Counter(path for read in frees.values() for path in read)
    size = {path: task.outputs[path] for task in jobs.values() for path in task.temporary}
    order = {job: place for place, job in enumerate(jobs)}
    free = {True: devices, False: cores}
    ready: dict[bool, list[tuple[bool, float, int, Job]]] = {True: [], False: []}
    running: list[tuple[float, int, Job]] = []

    def offer(job: Job) -> None:
        entry = (not frees[job], -ahead[job], order[job], job)
        heapq.heappush(ready[jobs[job].gpu], entry)

    for job, count in missing.items():
        if count == 0:
            offer(job)
    now = held = most = 0.0
    while running or any(ready.values()):
        for gpu, queue in ready.items():
            while queue and free[gpu]:
                job = heapq.heappop(queue)[3]
                free[gpu] -= 1
                held += sum(size[path] for path in jobs[job].temporary)
                held += jobs[job].work.state_bytes
                heapq.heappush(running, (now + seconds(job), order[job], job))
        most = max(most, held)
        now, _, job = heapq.heappop(running)
        free[jobs[job].gpu] += 1
        held -= jobs[job].work.state_bytes
        for path in frees[job]:
            unread[path] -= 1
            if unread[path] == 0:
                held -= size[path]
        for reader in readers[job]:
            missing[reader] -= 1
            if missing[reader] == 0:
                offer(reader)
    return Schedule(now, most)
