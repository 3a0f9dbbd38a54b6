"""Removing what nothing needs any more: caches, and states of jobs that have finished.

Only files that no unfinished job waits for go, and none that a rule would have to make again:
after it the plan of a finished study is as empty as before.
"""

import logging
import os
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from mirage.errors import MirageError
from mirage.places import Place, PlaceKind, place
from mirage.runtime import claims, files, integrity

_log = logging.getLogger("mirage")
_ABANDONED_S = 3600.0  # a younger file without an owner may still be written


@dataclass(frozen=True)
class Found:
    """A file below ``results/<scale>``: its path relative to it, bytes, time and place."""

    path: str
    size: int
    mtime: float
    place: Place


def survey(home: Path) -> Iterator[Found]:
    """Yield every file below ``home``, the folder ``results/<scale>``, in order of paths."""
    for folder, subfolders, names in os.walk(home):
        subfolders.sort()
        for name in sorted(names):
            path = Path(folder, name)
            with suppress(FileNotFoundError):  # a job beside us may remove it
                status = path.lstat()
                relative = path.relative_to(home).as_posix()
                yield Found(relative, status.st_size, status.st_mtime, place(relative))


def removable(home: Path) -> list[Found]:
    """List the files that may go.

    A cache with a successor may go once that is there and not older; one without may go at once
    where no other job is at work, else after an hour. A state may go if its job has left a record
    since: a job that starts anew loses its record first. A digest goes with its file.
    """
    found = list(survey(home))
    finished = _finished_states(home)
    rest_s = _ABANDONED_S if _at_work(home) else 0.0
    return [file for file in found if _may_go(file, home, finished, rest_s)]


def clean(home: Path) -> list[Found]:
    """Remove what may go, saying so file by file, and return it."""
    removed = removable(home)
    for file in removed:
        (home / file.path).unlink(missing_ok=True)
        _log.info("removed %s: %s, %.1f MB", file.path, file.place.what, file.size / 1e6)
    return removed


def tell_sizes(home: Path) -> None:
    """Log how many files of each kind there are and what they take."""
    files: Counter[tuple[PlaceKind, str]] = Counter()
    sizes: Counter[tuple[PlaceKind, str]] = Counter()
    for file in survey(home):
        key = (file.place.kind, file.place.what)
        files[key] += 1
        sizes[key] += file.size
    for key, size in sizes.most_common():
        _log.info("%10.1f MB  %6d files  %-6s %s", size / 1e6, files[key], *key)


def _at_work(home: Path) -> bool:
    """Whether another job than this one may be writing."""
    holders = claims.holders(home / "state/claims")
    return any(claims.alive(holder) is not False for holder in holders if holder.pid != os.getpid())


def _may_go(file: Found, home: Path, finished: dict[str, float], rest_s: float) -> bool:
    path = home / file.path
    if path.name.endswith(integrity.SUFFIX):
        return time.time() - file.mtime > rest_s and not integrity.owner(path).exists()
    if file.place.kind not in ("state", "cache"):
        return False
    if file.place.needed_until:
        successor = path.parent / file.place.needed_until
        return successor.exists() and successor.stat().st_mtime >= file.mtime
    if file.place.kind == "state":
        return file.mtime <= finished.get(file.path, 0.0)
    if file.path.startswith(".snakemake/"):
        rest_s = _ABANDONED_S  # this very job's script is among them
    return time.time() - file.mtime > rest_s


def _finished_states(home: Path) -> dict[str, float]:
    """Return state file, or spool beside it -> time of the record its finished job left."""
    times = {}
    for record in (home / "jobs").rglob("*.json"):
        try:
            state = files.read_json(record).get("params", {}).get("state")
        except (MirageError, OSError, AttributeError) as error:
            _log.warning("%s Its state, if any, is left alone.", error)
            continue
        if state:
            spool = str(Path(state).with_suffix(".spool"))
            times[str(state)] = times[spool] = record.stat().st_mtime
    return times
