"""No round of Snakemake's scheduler without a reason.

Snakemake 9.27 limits how many jobs it starts in a second (100 by default), and after every round
sets a timer for another one, whether jobs were held back or not. That round sets a timer, too, so
each finished job adds a round a second for ever: after some hundred jobs the controller does
nothing else, and takes one of the processors on which the jobs would run.
"""

from typing import Any

from snakemake.scheduling.job_scheduler import JobScheduler

_set_timer = JobScheduler._schedule_reevalutation


def only_with_reason() -> None:
    """Let the scheduler look again later only where the limit holds jobs back."""
    JobScheduler._schedule_reevalutation = _look_again


def _look_again(scheduler: Any, delay: int) -> None:
    limiter = scheduler.job_rate_limiter
    held_back = limiter is not None and limiter.get_free_jobs() == 0
    for_limit = limiter is not None and delay == limiter.timespan
    if held_back or not for_limit:
        _set_timer(scheduler, delay)
