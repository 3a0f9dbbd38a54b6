"""Holding every finished file of a scale to its digest."""

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mirage.cleaning import survey
from mirage.errors import MirageError
from mirage.runtime import files, integrity
from mirage.runtime.progress import Progress

_log = logging.getLogger("mirage")
_MB = 1 << 20
_PASSED_OVER = (".snakemake/", "logs/", "state/claims/", "state/finished/")


@dataclass
class Verdict:
    """How many files hold what was written, how many have no digest, and the damaged ones.

    Files without a digest come from older versions, or were copied alone; ``damaged`` has the
    message about each that is damaged or cannot be read.
    """

    sound: int = 0
    unsealed: int = 0
    damaged: dict[str, str] = field(default_factory=dict)


def verify(home: Path, others: Iterable[str] = ()) -> Verdict:
    """Check all finished files below ``home`` (``results/<scale>``) and some others it reads.

    Others that are not there are passed over.
    """
    paths = [path for file in survey(home) if _finished(file.path, path := home / file.path)]
    known = {path.resolve() for path in paths}
    paths += [path for path in map(Path, others) if path.is_file() and path.resolve() not in known]
    sizes = [path.stat().st_size for path in paths]
    verdict = Verdict()
    with Progress("verifying, MB", sum(sizes) // _MB) as progress:
        behind = 0
        for path, size in zip(paths, sizes, strict=True):
            _judge(path, verdict)
            before, behind = behind // _MB, behind + size
            progress.advance(behind // _MB - before)
    return verdict


def _finished(relative: str, path: Path) -> bool:
    hidden = path.name.startswith(".") or "/.preparing/" in relative
    return not hidden and not relative.startswith(_PASSED_OVER) and path.suffix != ".spool"


def _judge(path: Path, verdict: Verdict) -> None:
    try:
        files.sound(path)
        if integrity.digest(path) is None:
            verdict.unsealed += 1
        else:
            verdict.sound += 1
    except MirageError as error:
        verdict.damaged[str(path)] = str(error)
        _log.error("%s", error)
