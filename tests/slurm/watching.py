"""What ran on a cluster, when and where, seen by asking SLURM again and again."""

import subprocess
import threading
import time
from collections.abc import Iterable
from contextlib import suppress
from typing import Self

from cluster import Cluster, Job

_EVERY_S = 2.0


class Watch:
    """Within its ``with`` block, every job the cluster knows of is remembered."""

    def __init__(self, cluster: Cluster) -> None:
        self.jobs: dict[int, Job] = {}
        self.most_gpus_seen = 0
        self._cluster = cluster
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look_on)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._look()

    def _look_on(self) -> None:
        while not self._over.wait(_EVERY_S):
            with suppress(subprocess.SubprocessError):  # slurmctld may be too busy to answer
                self._look()

    def _look(self) -> None:
        seen = self._cluster.jobs()
        self.jobs |= {job.id: job for job in seen}
        running = sum(job.gpus for job in seen if job.state == "RUNNING")
        self.most_gpus_seen = max(self.most_gpus_seen, running)


def rule_of(job: Job) -> str:
    """The rule a Snakemake job runs, from its comment."""
    return job.comment.removeprefix("rule_").split("_wildcards_")[0]


def most_gpus_at_once(jobs: Iterable[Job]) -> int:
    """Most GPUs held at one moment, from start and end times (whole seconds; ends come first)."""
    changes = []
    for job in jobs:
        changes += [(_seconds(job.start), 1, job.gpus), (_seconds(job.end), 0, -job.gpus)]
    held = most = 0
    for *_, change in sorted(changes):
        held += change
        most = max(most, held)
    return most


def _seconds(told: str) -> float:
    return time.mktime(time.strptime(told, "%Y-%m-%dT%H:%M:%S"))
