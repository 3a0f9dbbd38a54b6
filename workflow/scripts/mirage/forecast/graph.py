"""The jobs of the study and their files, as Snakemake plans them, with the work of each."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mirage import places
from mirage.errors import MirageError
from mirage.forecast.units import Unit
from mirage.forecast.work import SMALL, Job, Work, Workshop


@dataclass(frozen=True)
class Task:
    """One job with its place in the graph.

    Attributes:
        work: what it does.
        inputs: files it reads.
        outputs: file -> bytes.
        temporary: those of them that go when their readers are done.
        gpu: whether it asks for a GPU.
    """

    work: Work = field(default_factory=Work)
    inputs: tuple[str, ...] = ()
    outputs: Mapping[str, float] = field(default_factory=dict)
    temporary: tuple[str, ...] = ()
    gpu: bool = False


Plan = dict[Job, Task]


def plan(shop: Workshop, planned: Iterable[Mapping[str, Any]]) -> Plan:
    """Give jobs as Snakemake planned them their work.

    Args:
        shop: what each job does.
        planned: from ``workflow/cluster/planning.py``.

    Returns:
        Jobs in an order in which each comes after those it needs.
    """
    tasks = {}
    for told in planned:
        job = Job.of(told["rule"], **told["wildcards"])
        work = shop.work(job)
        sizes = {
            path: float(work.outputs.get(name, SMALL))
            for path, name in told["outputs"].items()
            if places.kind(path) != "log"
        }
        tasks[job] = Task(work, tuple(told["inputs"]), sizes, tuple(told["temporary"]), told["gpu"])
    before = needs(tasks)
    needed = {job for others in before.values() for job in others}
    return _ordered(tasks, before, [job for job in tasks if job not in needed])


def part(jobs: Plan, path: str) -> Plan:
    """The jobs that make one file.

    Raises:
        MirageError: none does.
    """
    return parts(jobs, [path])[path]


def parts(jobs: Plan, paths: Iterable[str]) -> dict[str, Plan]:
    """The jobs that make each of some files; raises as ``part``."""
    maker, before = _makers(jobs), needs(jobs)
    found = {}
    for path in paths:
        if path not in maker:
            raise MirageError(f"no job of the study makes {path}")
        found[path] = _ordered(jobs, before, [maker[path]])
    return found


def needs(jobs: Plan) -> dict[Job, list[Job]]:
    """Which jobs each job waits for, in the order of its inputs."""
    maker = _makers(jobs)
    return {
        job: list(dict.fromkeys(maker[path] for path in task.inputs if path in maker))
        for job, task in jobs.items()
    }


def _makers(jobs: Plan) -> dict[str, Job]:
    """Which job makes each file."""
    return {path: job for job, task in jobs.items() for path in task.outputs}


def _ordered(jobs: Plan, before: Mapping[Job, Iterable[Job]], wanted: Iterable[Job]) -> Plan:
    """Enter jobs after all they need, depth first without recursion."""
    ordered: Plan = {}
    for first in wanted:
        waiting = [(first, False)]
        while waiting:
            job, ready = waiting.pop()
            if job in ordered:
                continue
            if ready:
                ordered[job] = jobs[job]
                continue
            waiting.append((job, True))
            waiting += [(other, False) for other in before[job]]
    return ordered


def units_of(jobs: Plan) -> list[Unit]:
    """Every unit of a plan, by batch, those of which most is run first.

    Of units that differ in their number of classes alone the one with the most is taken.
    """
    images: dict[str, float] = {}
    found: dict[str, Unit] = {}
    for task in jobs.values():
        for unit, count in task.work.calls:
            images[unit.timed_key] = images.get(unit.timed_key, 0.0) + count
            held = found.setdefault(unit.timed_key, unit)
            if unit.settings.get("classes", 0) > held.settings.get("classes", 0):
                found[unit.timed_key] = unit
    return [found[key] for key in sorted(found, key=lambda key: (-images[key], key))]
