"""The SLURM executor keeps sight of its jobs, whatever SLURM answers, and whenever.

At each look at the queue the executor (plugin 2.8) asks ``scontrol`` how long SLURM knows of ended
jobs. A busy machine may not answer within its ten seconds; the executor then asks ``sacct``, and
without accounting that fails until all attempts are used up. Of a look that failed it keeps no
job: each is waited for ever, while nobody asks for it any more.
"""

import sys
from collections.abc import AsyncIterator, Callable
from typing import Any

_PLUGIN = "snakemake_executor_plugin_slurm"
_DEFAULT_S = 300  # MinJobAge of a SLURM that says nothing of it


def never_lost() -> None:
    """Mend both in the plugin, if there is one; Snakemake has loaded it before any Snakefile."""
    plugin = sys.modules.get(_PLUGIN)
    if plugin is None or plugin.Executor.check_active_jobs.__module__ == __name__:
        return
    plugin.get_min_job_age = _remembering(plugin.get_min_job_age)
    plugin.Executor.check_active_jobs = _keeping(plugin.Executor.check_active_jobs)


def _remembering(asked: Callable[[], int | None]) -> Callable[[], int]:
    """The answer, or else the last one."""
    last = _DEFAULT_S

    def age() -> int:
        nonlocal last
        found = asked()
        last = last if found is None else found
        return last

    return age


def _keeping(check: Callable[..., AsyncIterator[Any]]) -> Callable[..., AsyncIterator[Any]]:
    """A check after which every job has ended or is still active."""

    async def kept(executor: Any, active_jobs: list[Any]) -> AsyncIterator[Any]:
        ended: set[int] = set()

        def noting(report: Callable[..., None]) -> Callable[..., None]:
            def noted(job: Any, *said: Any, **more: Any) -> None:
                ended.add(id(job))
                report(job, *said, **more)

            return noted

        reports = ("report_job_success", "report_job_error")
        vars(executor).update({name: noting(getattr(executor, name)) for name in reports})
        try:
            async for _ in check(executor, active_jobs):
                pass
        finally:
            for name in reports:
                vars(executor).pop(name)
        for job in active_jobs:
            if id(job) not in ended:
                yield job

    return kept
