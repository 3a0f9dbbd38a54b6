"""The SLURM executor's look at the queue, where SLURM does not answer it."""

import asyncio
import contextlib
import logging
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "workflow/cluster"))
slurm = pytest.importorskip("snakemake_executor_plugin_slurm")

import watching_jobs  # noqa: E402 - found through the line above


class Executor(slurm.Executor):
    """As much of the executor as a look at the queue needs."""

    def __init__(self):
        settings = SimpleNamespace(
            init_seconds_before_status_checks=5, status_attempts=2, status_command="squeue",
            keep_successful_logs=True,
        )  # fmt: skip
        self.workflow = SimpleNamespace(executor_settings=settings)
        self.logger = logging.getLogger("executor")
        self.run_uuid = "run"
        self.ended = []
        self._status_query_calls = self._status_query_failures = 0
        self._status_query_total_seconds = 0.0
        self._status_query_min_seconds, self._status_query_max_seconds = None, 0.0
        self._status_query_cycle_rows = []

    @property
    def status_rate_limiter(self):
        return contextlib.nullcontext()

    def get_status_command(self):
        return "squeue"

    def report_job_success(self, job):
        self.ended.append(job.external_jobid)


@pytest.fixture
def mended(monkeypatch):
    """The plugin as the workflow mends it, and as it was afterwards."""
    monkeypatch.setattr(slurm, "get_min_job_age", slurm.get_min_job_age)
    monkeypatch.setattr(slurm.Executor, "check_active_jobs", slurm.Executor.check_active_jobs)
    watching_jobs.never_lost()


def _looked(monkeypatch, *answers):
    """What is still active after a look, and what has ended, of jobs 1, 2 and 3."""
    given = iter(answers)

    async def asked(command, logger):
        return next(given)

    monkeypatch.setattr(slurm, "query_job_status", asked)
    jobs = [SimpleNamespace(external_jobid=str(n), aux={}) for n in (1, 2, 3)]
    executor = Executor()

    async def look():
        return [job.external_jobid async for job in executor.check_active_jobs(jobs)]

    return asyncio.run(look()), executor.ended


FAILED = (None, None)


def test_a_look_that_fails_loses_no_job(monkeypatch, mended):
    assert _looked(monkeypatch, FAILED, FAILED) == (["1", "2", "3"], [])


def test_the_plugin_alone_loses_them(monkeypatch):
    """Else there is nothing to mend any more."""
    assert _looked(monkeypatch, FAILED, FAILED) == ([], [])


def test_jobs_end_as_before(monkeypatch, mended):
    told = {"1": "COMPLETED", "2": "RUNNING"}
    assert _looked(monkeypatch, FAILED, (told, 0.1)) == (["2", "3"], ["1"])


def test_an_unanswered_question_is_answered_as_last_time(monkeypatch):
    answers = iter([None, 77, None])
    monkeypatch.setattr(slurm, "get_min_job_age", lambda: next(answers))
    monkeypatch.setattr(slurm.Executor, "check_active_jobs", slurm.Executor.check_active_jobs)
    watching_jobs.never_lost()
    assert [slurm.get_min_job_age() for _ in range(3)] == [300, 77, 77]


def test_what_is_mended_is_not_mended_twice(monkeypatch, mended):
    before = slurm.Executor.check_active_jobs
    watching_jobs.never_lost()
    assert slurm.Executor.check_active_jobs is before
