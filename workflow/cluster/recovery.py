"""After a controller that died: what its jobs finished is taken over, not computed again.

Jobs on a cluster outlive their controller. A job that ends then leaves outputs of which Snakemake
has no metadata, or which it still holds for incomplete. Before the graph is built, the metadata
are made up from the job's own record, so that Snakemake's rules for changed settings and inputs
hold for these outputs as for any others. This is the one place that knows both the records and
Snakemake's bookkeeping.
"""

import atexit
import contextlib
import json
import os
import re
import sys
import threading
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from mirage.runtime import claims, finished
from mirage.visible import visible
from snakemake.exceptions import WorkflowError
from snakemake.persistence import RECORD_FORMAT_VERSION, MetadataRecord
from snakemake.persistence.file import FilePersistence

_BOOKS = Path(".snakemake")
# What may run while a lock stands, by how it is written on the command line: -n may stand among
# other short options.
_LEAVES_LOCKS = re.compile("--nolock|--unlock|--dry-?run|-[a-zA-Z]*n[a-zA-Z]*")


def refuse_to_unlock_another() -> None:
    """Stop a second controller that Snakemake itself would let through.

    Snakemake refuses a second one only where both touch the same files. One that does not, and be
    it a question without outputs like ``forecast``, gets in, and at its end removes the whole
    folder of locks, those of the first one with it (Snakemake 9.27, ``_delete_locks``).

    Raises:
        WorkflowError: a lock stands, and nothing on the command line says that this is known.
    """
    stands = any((_BOOKS / "locks").glob("*.lock"))
    if stands and not any(map(_LEAVES_LOCKS.fullmatch, sys.argv[1:])):
        raise WorkflowError(
            f"Directory cannot be locked: a snakemake is at work in {Path.cwd()}, or was killed.\n"
            "If one is, wait for its end, or add --nolock to a command that only asks (forecast, "
            "check_assets, clean_caches, verify).\n"
            "If none is any more: the same command with --unlock, then the same command."
        )


def submit_with_patience() -> None:
    """Put this folder's ``sbatch`` first in PATH, for the executor that calls it.

    What it has to tell while it waits comes through a pipe and is printed here: the executor reads
    the program's own output only once it has ended, and shows none of it if all went well.
    """
    os.environ["PATH"] = f"{Path(__file__).resolve().parent}{os.pathsep}{os.environ['PATH']}"
    if Path("/proc/self/fd").is_dir():
        reader, writer = os.pipe()
        os.environ["MIRAGE_TELL"] = f"/proc/{os.getpid()}/fd/{writer}"
        threading.Thread(target=_pass_on, args=(reader,), daemon=True).start()


def take_over_finished_jobs() -> None:
    """Confirm what jobs without a controller have finished; say which may still run.

    Nothing is touched while Snakemake's lock stands: a controller lives, or was killed, and
    Snakemake says what to do.
    """
    if any((_BOOKS / "locks").glob("*.lock")):
        return
    try:
        persistence = FilePersistence(nolock=True, path=_BOOKS.resolve())
        found = [(path, record) for path, record in _unconfirmed(persistence) if _is_whole(record)]
        for path, record in found:
            _confirm(persistence, path, record)
        finished.tidy()
        atexit.register(_tidy, Path.cwd())
    except OSError as error:
        _tell(f"no finished work of an earlier run is taken over: {error}")
        return
    if found:
        _tell(f"{len(found)} jobs finished while no controller looked: their outputs are taken.")
    for holder in claims.holders("state/claims"):
        if claims.alive(holder) is not False:
            _tell(f"Work of an earlier run goes on, and will not be done twice: {holder}.")


def _unconfirmed(persistence: FilePersistence) -> Iterator[tuple[str, dict[str, Any]]]:
    """Records of finished jobs whose end no controller has seen: path, content."""
    for path in sorted(Path("jobs").rglob("*.json")):
        known = Path(persistence._record_path(persistence._metadata_path, str(path)))
        seen = known.exists() and known.stat().st_mtime >= path.stat().st_mtime
        if not seen or persistence._filter_incomplete_keys([str(path)]):
            try:
                record = json.loads(path.read_text(encoding="utf-8"))
            except ValueError:
                continue
            if "settings" in record:
                yield str(path), record


def _is_whole(record: dict[str, Any]) -> bool:
    """Whether all of a job's outputs lie there as it wrote them; a record is written last."""
    return all(
        Path(path).is_file() and Path(path).stat().st_size == size
        for path, size in record["outputs"].items()
    )


def _confirm(persistence: FilePersistence, path: str, record: dict[str, Any]) -> None:
    """Give a job's outputs the metadata that its controller would have written."""
    for output in (path, *record["outputs"]):
        written = Path(output).stat().st_mtime
        metadata = MetadataRecord(
            rule=record["rule"],
            input=record["inputs"],
            log=record["log"],
            params=record["settings"],
            starttime=datetime.fromisoformat(record["started"]).timestamp(),
            endtime=written,
            incomplete=False,
            record_format_version=RECORD_FORMAT_VERSION,
        )
        persistence._write_record(output, metadata)
        persistence._unmark_incomplete(output)


def _tidy(results: Path) -> None:
    with contextlib.suppress(OSError), contextlib.chdir(results):
        finished.tidy()


def _pass_on(reader: int) -> None:
    while told := os.read(reader, 1 << 16):
        _tell(told.decode(errors="replace").rstrip())


def _tell(text: str) -> None:
    print(visible(text, keep="\n"), file=sys.stderr)
