"""Finished work that nobody has collected yet, kept so that no second job computes it again.

Snakemake deletes the declared outputs of a job before it runs, also those that an earlier job
for the same work has just finished. Hard links below ``state/`` outlive that (and take no room
while the outputs are there). The next job for the same work takes them over if its identity is
the same and every byte verifies; a job that has read a file as its input drops its link.
"""

import json
import logging
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from mirage.errors import MirageError
from mirage.runtime import files, integrity
from mirage.runtime.checkpoint import digest_of

_log = logging.getLogger("mirage")
_STORE = Path("state/finished")


def keep(name: str, outputs: Sequence[str], identity: Mapping[str, Any]) -> None:
    """Keep finished outputs until they are collected.

    Args:
        name: of the piece of work, unique in the study; may hold slashes.
        outputs: paths of finished files.
        identity: JSON-able description of the work.
    """
    manifest = _manifest(name)
    manifest.unlink(missing_ok=True)
    try:
        for output in outputs:
            _link(Path(output), _place(output))
    except OSError as error:
        # A file system without hard links, or a twin's controller was faster.
        _log.info("the outputs are not kept for a twin of this job (%s)", error)
        return
    sums = {output: files.checksum(_place(output)) for output in outputs}
    files.write_json(manifest, {"identity": digest_of(identity), "files": sums}, sealed=False)


def adopt(name: str, outputs: Sequence[str], identity: Mapping[str, Any]) -> bool:
    """Put kept outputs back in their places, if they are of this very work and undamaged.

    Returns:
        Whether all outputs are there now; if not, none was touched.
    """
    try:
        kept = files.read_json(_manifest(name))
        if kept["identity"] != digest_of(identity) or set(kept["files"]) != set(outputs):
            _log.info("finished work of an earlier job has other settings, code or inputs")
            return False
        for output, checksum in kept["files"].items():
            if files.checksum(_place(output)) != checksum:
                raise MirageError(f"{_place(output)} fails its checksum")
            integrity.beside(output).unlink(missing_ok=True)
        for output in outputs:
            place = Path(output)
            _link(_place(output), place)
            if (digest := integrity.note(place, place)) is not None:
                integrity.lay_beside(place, digest)
    except (OSError, KeyError, TypeError, MirageError) as error:
        _log.warning("finished work of an earlier job cannot be taken over (%s)", error)
        return False
    return True


def waiting(name: str) -> bool:
    """Say whether finished work of this name is kept."""
    return _manifest(name).exists()


def collected(paths: Iterable[str]) -> None:
    """Drop the links of files that a later job has read: their maker's end is known."""
    if _STORE.exists():
        for path in paths:
            _place(path).unlink(missing_ok=True)


def discard(name: str) -> None:
    """Drop everything kept under a name."""
    manifest = _manifest(name)
    with suppress(FileNotFoundError, ValueError, KeyError):
        collected(json.loads(manifest.read_text(encoding="utf-8"))["files"])
    manifest.unlink(missing_ok=True)


def tidy() -> None:
    """Drop the links of outputs that lie where they belong, and names that keep none."""
    for manifest in (_STORE / "manifests").rglob("*.json"):
        kept = False
        try:
            for output in json.loads(manifest.read_text(encoding="utf-8"))["files"]:
                link, place = _place(output), Path(output)
                if link.exists() and place.exists() and link.samefile(place):
                    link.unlink(missing_ok=True)
                kept = kept or link.exists()
        except (FileNotFoundError, ValueError, KeyError):
            continue  # someone else is at it
        if not kept:
            manifest.unlink(missing_ok=True)


def _manifest(name: str) -> Path:
    return _STORE / "manifests" / f"{name}.json"


def _place(output: str) -> Path:
    """Where an output's link lies; a path that leaves the results folder stays inside too."""
    parts = Path(output).parts
    return _STORE.joinpath("files", *("up" if part in ("..", "/") else part for part in parts))


def _link(source: Path, place: Path) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f".{place.name}.{os.getpid()}.part")
    temporary.unlink(missing_ok=True)
    temporary.hardlink_to(source)
    temporary.replace(place)
    temporary.unlink(missing_ok=True)  # replacing a file by its own link does nothing
