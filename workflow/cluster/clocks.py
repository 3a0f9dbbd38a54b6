"""Dates in the future, looked at before the first job.

Once a job is done, Snakemake holds its outputs against its inputs and, where an input is newer than
the outputs just written, throws them away and calls the job failed: at every attempt, for as long
as that date lies ahead. Disks whose server has another clock and unpacked archives bring such
dates; inputs marked ``ancient`` count as well.
"""

import contextlib
import datetime
import math
import os
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

from mirage.visible import listed
from refusing import Refused

PATIENCE_S = 10.0
"""Clocks of one network differ by less; so short a time is waited for."""


def refuse_dates_ahead(dag: Any, checkout: Path, tell: Callable[[str], None]) -> None:
    """Stop if something that a job is going to read is dated after this moment.

    Args:
        dag: Snakemake's plan.
        checkout: where its user is: files below it are shown as they are typed there.
        tell: takes one line for the user.

    Raises:
        Refused: names the files, their dates and what to do.
    """
    jobs = list(dag.needrun_jobs())
    made = {file for job in jobs for file in job.output}
    dates = latest_dates({str(f) for job in jobs for f in job.input if f not in made})
    now = disk_time(Path.cwd())
    ahead = {_typed(path, checkout): date for path, date in dates.items() if date > now}
    late = max(ahead.values(), default=now) - now
    if late > PATIENCE_S:
        raise Refused(_message(ahead, now))
    if ahead:
        tell(f"waiting {math.ceil(late)} s, until no input is dated in the future: {listed(ahead)}")
        time.sleep(late)


def latest_dates(paths: Iterable[str]) -> dict[str, float]:
    """The date that Snakemake sees in each path that is there: a link's own or its target's."""
    dates = {}
    for path in sorted(paths):
        # What is missing or unreadable is told by others, who know more of it.
        with contextlib.suppress(OSError):
            stamp = Path(path, ".snakemake_timestamp")  # Snakemake's own in a folder
            dated = stamp if stamp.exists() else Path(path)
            dates[path] = max(os.lstat(path).st_mtime, dated.stat().st_mtime)
    return dates


def disk_time(folder: Path) -> float:
    """What the disk of the results takes for now: a server's clock dates the files on it."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".clock-") as file:
            file.write(b".")
            file.flush()
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return time.time()


def _typed(path: str, checkout: Path) -> str:
    whole = Path(os.path.normpath(Path.cwd() / path))
    return str(whole.relative_to(checkout) if whole.is_relative_to(checkout) else whole)


def _message(ahead: Mapping[str, float], now: float) -> str:
    named = listed(
        f"{path} ({_date(date)})" for path, date in sorted(ahead.items(), key=lambda a: -a[1])
    )
    return (
        f"Nothing was started: inputs are dated in the future. It is {_date(now)} here; "
        f"there are {named}.\nSnakemake would throw away what is made from them, at every attempt. "
        "If the clock here is right, touch them (touch FILE; touch -h for a link, or the file it "
        "leads to); if it is wrong, set it. Dates of files on a disk you may not write to are its "
        "owner's to mend."
    )


def _date(seconds: float) -> str:
    try:
        return f"{datetime.datetime.fromtimestamp(seconds):%Y-%m-%d %H:%M:%S}"
    except (OverflowError, ValueError, OSError):  # beyond the calendar
        return f"{seconds:.0f} s after 1970"
