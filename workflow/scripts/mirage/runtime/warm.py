"""Warm start: one process imports the heavy libraries once, and each job is a fork of it.

Importing PyTorch takes 2 s of CPU, and the demo has hundreds of jobs of a few seconds. The first
job of a run starts a server (``warm_server``). The job's own process stays, as the face the
workflow sees: it hands its script, environment, output streams and what the system lets it do to
the server, passes signals on, and ends with the fork's exit status. If it dies, its fork is killed;
if the server dies, so do its forks, and their jobs run cold.

The server serves one user and one folder, and leaves after a while without work. Switch it off
with ``MIRAGE_WARM=0``; jobs of a cluster, which may land anywhere, never use it.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import resource
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from mirage.errors import MirageError
from mirage.runtime.private import COMMON, private_folder

START_S = 60.0
"""Most time a server that lives may take to import its libraries."""
ANSWER_S = 30.0
"""Most time it may take to answer a request with a fork."""
INSIDE = "MIRAGE_WARM_FORK"
RUN = "MIRAGE_RUN"
"""Names the run a job belongs to, so that one thing is told once per run."""
_PASSED_ON = (signal.SIGTERM, signal.SIGINT)
_LONGEST_SOCKET = 107  # bytes; sun_path of <sys/un.h> without its end


class _ColdError(Exception):
    """No warm start can be had; the text says why."""


def wanted() -> bool:
    """Say whether this process should hand its work to a warm fork."""
    return (
        sys.platform == "linux"
        and os.environ.get("MIRAGE_WARM", "1") != "0"
        and INSIDE not in os.environ
        and "SLURM_JOB_ID" not in os.environ
        and not _given_up().exists()
    )


def begin_run() -> None:
    """Give the jobs that this process will start a common name, as one run."""
    os.environ[RUN] = f"{os.getpid()}-{time.time_ns()}"


def hand_over(started: float) -> int | None:
    """Run this process's script in a warm fork.

    Args:
        started: wall-clock time at which this process began, for the job's record.

    Returns:
        The fork's exit status; None if no server can be had, or it died while the fork was at
        work, so the caller does the work itself. Why is told in one line, once per run.
    """
    before = {number: signal.getsignal(number) for number in _PASSED_ON}
    try:
        with _connect() as connection:
            # A signal that comes before there is a fork to pass it to must wait, not be lost. The
            # server, which may just have been started, must not inherit that.
            signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
            answers = connection.makefile("r", encoding="utf-8")
            pid = _ask(connection, answers, started)

            def pass_on(received: int, _: object) -> None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, received)

            for number in _PASSED_ON:
                signal.signal(number, pass_on)
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
            if last := _line(answers):
                return int(last["status"])
            _wait_for_the_end_of(pid)
            _tell("the warm server ended while this job was at work: the job begins again, cold")
            return None
    except (_ColdError, MirageError, OSError) as problem:
        _give_up(str(problem))
        return None
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)


def job_started() -> float | None:
    """When the job's own process began, if this is a warm fork."""
    told = os.environ.get(INSIDE)
    return float(told) if told else None


def process_started() -> float:
    """Wall-clock time at which this process began (Linux; elsewhere: now)."""
    try:
        ticks = int(Path("/proc/self/stat").read_text().rsplit(")", 1)[1].split()[19])
        up_s = float(Path("/proc/uptime").read_text().split()[0])
    except (OSError, ValueError, IndexError):
        return time.time()
    return time.time() - up_s + ticks / os.sysconf("SC_CLK_TCK")


def peer(connection: socket.socket) -> int:
    """User at the other end of a connection."""
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12)
    return memoryview(credentials).cast("i")[1]


def _ask(connection: socket.socket, answers: Any, started: float) -> int:
    """Send the request; the process number of the fork."""
    request = {
        "script": str(Path(sys.argv[0]).resolve()),
        "cwd": str(Path.cwd()),
        "env": {**os.environ, INSIDE: repr(started)},
        # What a child of this process would inherit and a fork of the server does not.
        "umask": _umask(),
        "processors": sorted(os.sched_getaffinity(0)),
        "limits": {str(number): resource.getrlimit(number)[0] for number in _limits()},
    }
    connection.settimeout(ANSWER_S)
    socket.send_fds(connection, [json.dumps(request).encode() + b"\n"], [1, 2])
    first = _line(answers)
    if first is None:
        raise _ColdError("the warm server did not answer")
    connection.settimeout(None)
    return int(first["pid"])


def _line(answers: Any) -> dict[str, Any] | None:
    """One answer; None if the server is gone."""
    try:
        found = json.loads(answers.readline() or "null")
    except (ConnectionError, ValueError):
        return None
    except TimeoutError:
        raise _ColdError(f"the warm server did not answer within {ANSWER_S:.0f} s") from None
    return found if isinstance(found, dict) else None


def _wait_for_the_end_of(pid: int) -> None:
    """The kernel kills a dead server's forks; no second job may begin before that."""
    deadline = time.monotonic() + ANSWER_S
    with contextlib.suppress(ProcessLookupError):
        while time.monotonic() < deadline:
            os.kill(pid, 0)
            time.sleep(0.01)


def _connect() -> socket.socket:
    """Reach the server of this folder, starting it if need be."""
    home = private_folder([tempfile.gettempdir(), *COMMON])
    path = home / f"{_key()}.sock"
    if len(os.fsencode(path)) > _LONGEST_SOCKET:
        path = private_folder() / path.name  # TMPDIR is too deep for a socket
    with path.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _try(path) or _await(path, _start(path))


def _key() -> str:
    """Names a server by what its forks could not change: where it works, and what it may do."""
    same = [
        str(Path.cwd()), sys.executable, str(Path(__file__).resolve()),
        os.getpriority(os.PRIO_PROCESS, 0), os.sched_getscheduler(0),
        [resource.getrlimit(number)[1] for number in _limits()],
        Path("/proc/self/cgroup").read_text(),
    ]  # fmt: skip
    return hashlib.blake2b(json.dumps(same).encode(), digest_size=8).hexdigest()


def _limits() -> list[int]:
    return sorted({getattr(resource, name) for name in dir(resource) if name.startswith("RLIMIT_")})


def _umask() -> int:
    """Read the umask without setting it, which another thread might see."""
    told = Path("/proc/self/status").read_text()
    return int(told.split("Umask:")[1].split()[0], 8)


def _try(path: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    with contextlib.suppress(OSError):
        connection.connect(str(path))
        if peer(connection) == os.getuid():
            return connection
    connection.close()
    return None


def _start(path: Path) -> "subprocess.Popen[bytes]":
    path.unlink(missing_ok=True)
    nowhere = subprocess.DEVNULL
    return subprocess.Popen(
        [sys.executable, "-P", "-m", "mirage.runtime.warm_server", str(path)],
        cwd="/",
        env={**os.environ, "PYTHONPATH": str(Path(__file__).resolve().parents[2])},
        stdin=nowhere, stdout=nowhere, stderr=nowhere, start_new_session=True,
    )  # fmt: skip


def _await(path: Path, server: "subprocess.Popen[bytes]") -> socket.socket:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if (connection := _try(path)) is not None:
            return connection
        if (status := server.poll()) is not None:
            raise _ColdError(f"the warm server ended at its start, with status {status}")
        time.sleep(0.05)
    server.kill()
    raise _ColdError(f"the warm server was not ready within {START_S:.0f} s")


def _given_up() -> Path:
    """The note that this run has no warm start; it lies beside Snakemake's own state."""
    return Path(".snakemake") / f"cold.{os.environ.get(RUN, 'once')}"


def _give_up(why: str) -> None:
    """Tell once per run why jobs start cold, and spare the others the attempt."""
    note = _given_up()
    try:
        for old in note.parent.glob("cold.*"):
            if old != note:
                old.unlink(missing_ok=True)
        note.touch(exist_ok=False)
    except FileExistsError:
        return
    except OSError:
        pass  # nowhere to remember it: told by each job
    if RUN not in os.environ:
        note.unlink(missing_ok=True)
    _tell(f"jobs start cold, each some seconds later: {why} (MIRAGE_WARM=0 asks for none)")


def _tell(text: str) -> None:
    print(f"  {text}", file=sys.stderr, flush=True)
