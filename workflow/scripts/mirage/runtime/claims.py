"""One worker at a time: a claim on a piece of work names its holder.

Two jobs for the same work meet when the workflow's controller died while its jobs went on, and a
second controller submits them again. The second job then waits here until the first has ended.

The claim is one small file, given its name by a link, which every shared file system keeps
exclusive. Whether its holder still lives is asked of this machine (process number and start), else
of SLURM, else of the holder's heartbeat, which touches the file.
"""

import contextlib
import errno
import json
import logging
import math
import os
import socket
import subprocess
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from mirage.errors import MirageError
from mirage.runtime import files, signals

_log = logging.getLogger("mirage")

POLL_S = 5.0
"""Pause between two looks at another's claim."""
BEAT_S = 30.0
"""Pause between two heartbeats."""
STALE_S = 600.0
"""A holder of whom nothing else can be learned is dead after so long without a heartbeat."""
QUIET_S = 150.0
"""A job that SLURM gave up on another machine may live on, out of the controller's sight: it is
dead after a few missed heartbeats, and what a network file system may hold back of them."""
EMPTY_S = 30.0
"""An empty claim is the beginning of one, or what a killed process left: dead after so long."""
_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)
_WORKING = frozenset(("RUNNING", "COMPLETING", "CONFIGURING", "SUSPENDED", "STOPPED", "SIGNALING"))


@dataclass(frozen=True)
class Holder:
    """Who holds a claim.

    Attributes:
        machine: host name, boot and process namespace; within one, process numbers are comparable.
        pid: process number.
        began: the process's start in ticks since boot, so a reused number is told apart.
        slurm: SLURM job id; empty outside SLURM.
        token: unique to this claim.
    """

    machine: str
    pid: int
    began: int
    slurm: str
    token: str

    def __str__(self) -> str:
        job = f"SLURM job {self.slurm}, " if self.slurm else ""
        return f"{job}process {self.pid} on {self.machine.split('/')[0]}"


_mine: tuple[Path, Holder] | None = None


@contextmanager
def claimed(path: str | Path) -> Iterator[None]:
    """Hold the claim at ``path`` while the block runs, waiting for an earlier holder to end.

    Args:
        path: the claim's file; its folder is made.
    """
    global _mine
    path = Path(path)
    me = _myself()
    _acquire(path, me)
    _mine = path, me
    done = threading.Event()
    threading.Thread(target=_beat, args=(path, me, done), daemon=True).start()
    try:
        yield
    finally:
        done.set()
        _mine = None
        if _read(path) == me:
            with contextlib.suppress(OSError):  # the work is done, whatever becomes of its claim
                path.unlink(missing_ok=True)


def insist() -> None:
    """Make sure that this process still holds its claim, before it writes what others resume.

    Raises:
        MirageError: the work was given to another while this process hung (a network file system
            that was away, a machine cut off).
    """
    if _mine is None:
        return
    path, me = _mine
    try:
        holder: Holder | None = Holder(**json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        holder = None
    except (OSError, ValueError, TypeError):
        return  # nothing can be learned now
    if holder != me:
        raise MirageError(
            f"{holder or 'another job'} has taken this work over while this process hung",
            remedy="nothing: the other job goes on with it",
        )


def holders(folder: str | Path) -> list[Holder]:
    """Holders of all claims below a folder, dead or alive."""
    found = (_read(path) for path in sorted(Path(folder).rglob("*.claim")))
    return [holder for holder in found if holder is not None]


def alive(holder: Holder) -> bool | None:
    """Say whether a holder still works; None if neither this machine nor SLURM can tell."""
    if holder.machine == _machine():
        return _began(holder.pid) == holder.began
    if not holder.slurm:
        return None
    if holder.slurm == os.environ.get("SLURM_JOB_ID"):
        return False  # this very job, which SLURM has requeued since
    return _in_queue(holder.slurm)


def _acquire(path: Path, me: Holder) -> None:
    told: Holder | str | None = None
    beat, since = 0, time.monotonic()
    while not _create(path, me):
        holder = _read(path)
        with contextlib.suppress(FileNotFoundError):
            if (now := path.stat().st_mtime_ns) != beat:
                beat, since = now, time.monotonic()
        patience = _patience(holder, path)
        if time.monotonic() - since > patience:
            _take_away(path, holder)
            continue
        named = holder or "somebody whose claim cannot be read"
        if named != told:
            until = "" if math.isinf(patience) else f", for at most {patience:.0f} s of silence"
            _log.info("waiting: %s is at the same work (%s)%s", named, path, until)
            told = named
        time.sleep(POLL_S)


def _patience(holder: Holder | None, path: Path) -> float:
    """Seconds without a heartbeat after which a claim may be taken."""
    lives = None if holder is None else alive(holder)
    if holder is None:
        with contextlib.suppress(OSError):
            if path.stat().st_size == 0:
                return EMPTY_S
    if holder is None or lives is None:
        return STALE_S
    if lives:
        return math.inf
    return -1.0 if holder.machine == _machine() else QUIET_S


def _create(path: Path, me: Holder) -> bool:
    """Put a claim in its place, whole or not at all; False if there is one.

    Raises:
        MirageError: it cannot be written, because the disk is full for example.
    """
    aside = path.with_name(f".{path.name}.{me.token}")
    with files.explaining_disk(path):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            aside.write_text(json.dumps(asdict(me)), encoding="utf-8")
            os.link(aside, path)
        except FileExistsError:
            return False
        except OSError as error:
            if error.errno not in _NO_LINKS:
                raise
            return _create_in_place(path, me)
        finally:
            aside.unlink(missing_ok=True)
    return True


def _create_in_place(path: Path, me: Holder) -> bool:
    """The same on a file system that knows no second names."""
    try:
        descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o666)
    except FileExistsError:
        return False
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(asdict(me), file)
    except OSError:
        path.unlink(missing_ok=True)  # nobody waits for a claim that nobody holds
        raise
    return True


def _read(path: Path) -> Holder | None:
    """The holder; None if there is no claim, it is not written yet, or it cannot be read now."""
    try:
        return Holder(**json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None


def _take_away(path: Path, dead: Holder | None) -> None:
    """Remove a dead holder's claim, and never another's that came in between."""
    aside = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.rename(aside)
    except FileNotFoundError:
        return
    if _read(aside) == dead:
        _log.info("taking over from %s, which has ended", dead or "an unknown holder")
        aside.unlink(missing_ok=True)
    else:
        aside.rename(path)


def _beat(path: Path, me: Holder, done: threading.Event) -> None:
    """Show that the holder lives; ask it to stop if its claim was taken from it."""
    while not done.wait(BEAT_S):
        try:
            held = _read(path)
            os.utime(path)
        except OSError:
            continue  # a network file system that is away for a while
        if held is not None and held != me:
            _log.warning("%s took this work over: stopping", held)
            signals.request_stop()
            return


def _myself() -> Holder:
    pid = os.getpid()
    job = os.environ.get("SLURM_JOB_ID", "")
    return Holder(_machine(), pid, _began(pid), job, uuid.uuid4().hex)


def _machine() -> str:
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        processes = Path("/proc/self/ns/pid").readlink().name
    except OSError:
        boot = processes = ""
    return f"{socket.gethostname()}/{boot}/{processes}"


def _began(pid: int) -> int:
    """Start of a process in ticks since boot; 0 if there is none (any more)."""
    try:
        state, *fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except (OSError, ValueError):
        return 0
    return 0 if state in "ZX" else int(fields[18])


def _in_queue(job: str) -> bool | None:
    command = ["squeue", "--noheader", "--states=all", "--format=%T", "--jobs", job]
    try:
        asked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    if asked.returncode == 0:
        return not _WORKING.isdisjoint(asked.stdout.split())
    return False if "Invalid job id" in asked.stderr else None
