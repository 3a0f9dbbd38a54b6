"""Warm start: one process imports the heavy libraries once, and each job is a fork of it.

Importing PyTorch takes 2 s of CPU, and the demo has hundreds of jobs of a few seconds. The first
job of a run starts a server that imports third-party libraries (never this project's code, which
each fork reads afresh) and then forks for every request. The job's own process stays, as the face
the workflow sees: it hands its script, environment and output streams to the server, passes
signals on, and ends with the fork's exit status. If it dies, its fork is killed.

The server serves one user and one folder, and leaves after ``IDLE_S`` without work. Switch it off
with ``MIRAGE_WARM=0``; jobs of a cluster, which may land anywhere, never use it.
"""

import contextlib
import fcntl
import hashlib
import json
import os
import runpy
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

IDLE_S = float(os.environ.get("MIRAGE_WARM_IDLE_S", "20"))
START_S = 60.0
_PRELOAD = ("torch", "numpy", "pandas", "safetensors.torch", "PIL.Image")
_INSIDE = "MIRAGE_WARM_FORK"
_PASSED_ON = (signal.SIGTERM, signal.SIGINT)


def wanted() -> bool:
    """Say whether this process should hand its work to a warm fork."""
    return (
        sys.platform == "linux"
        and os.environ.get("MIRAGE_WARM", "1") != "0"
        and _INSIDE not in os.environ
        and "SLURM_JOB_ID" not in os.environ
    )


def hand_over(started: float) -> int | None:
    """Run this process's script in a warm fork.

    Args:
        started: wall-clock time at which this process began, for the job's record.

    Returns:
        The fork's exit status; None if no server can be had, so the caller does the work itself.
    """
    connection = _connect()
    if connection is None:
        return None
    request = {
        "script": str(Path(sys.argv[0]).resolve()),
        "cwd": str(Path.cwd()),
        "env": {**os.environ, _INSIDE: repr(started)},
    }
    # A signal that comes before there is a fork to pass it to must wait, not be lost.
    signal.pthread_sigmask(signal.SIG_BLOCK, _PASSED_ON)
    with connection:
        socket.send_fds(connection, [json.dumps(request).encode() + b"\n"], [1, 2])
        answers = connection.makefile("r", encoding="utf-8")
        first = answers.readline()
        if not first:
            signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
            return None
        pid = json.loads(first)["pid"]

        def pass_on(received: int, _: object) -> None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, received)

        for number in _PASSED_ON:
            signal.signal(number, pass_on)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _PASSED_ON)
        last = answers.readline()
    return int(json.loads(last)["status"]) if last else 1


def job_started() -> float | None:
    """When the job's own process began, if this is a warm fork."""
    told = os.environ.get(_INSIDE)
    return float(told) if told else None


def _home() -> Path:
    """A folder no other user can enter, for the socket and its lock."""
    folder = Path(tempfile.gettempdir()) / f"mirage-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    status = folder.lstat()
    if status.st_uid != os.getuid() or status.st_mode & 0o077:
        raise PermissionError(f"{folder} is open to others")
    return folder


def _connect() -> socket.socket | None:
    """Reach the server of this folder, starting it if need be."""
    key = f"{Path.cwd()}\0{sys.executable}\0{Path(__file__).resolve()}"
    name = hashlib.blake2b(key.encode(), digest_size=8).hexdigest()
    try:
        path = _home() / f"{name}.sock"
        with path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            connection = _try(path)
            if connection is None:
                _start(path)
                connection = _await(path)
            return connection
    except OSError:
        return None


def _try(path: Path) -> socket.socket | None:
    connection = socket.socket(socket.AF_UNIX)
    try:
        connection.connect(str(path))
    except OSError:
        connection.close()
        return None
    return connection


def _start(path: Path) -> None:
    path.unlink(missing_ok=True)
    package = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(package)}
    subprocess.Popen(
        [sys.executable, "-P", "-m", "mirage.runtime.warm", str(path)],
        cwd="/",
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        close_fds=True,
    )


def _await(path: Path) -> socket.socket | None:
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline:
        if (connection := _try(path)) is not None:
            return connection
        time.sleep(0.05)
    return None


class _Server:
    """Accepts requests, forks, and tells each asker how its fork ended."""

    def __init__(self, path: Path) -> None:
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        self.listener.listen(64)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.askers: dict[int, socket.socket] = {}  # pid of the fork -> its asker
        wake_read, wake_write = os.pipe()
        os.set_blocking(wake_write, False)
        os.set_blocking(wake_read, False)
        self.selector.register(wake_read, selectors.EVENT_READ)
        self.wake = (wake_read, wake_write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(wake_write)

    def serve(self) -> None:
        """Work until there has been none for ``IDLE_S``."""
        quiet_since = time.monotonic()
        while self.askers or time.monotonic() - quiet_since < IDLE_S:
            for key, _ in self.selector.select(timeout=1.0):
                if key.fileobj is self.listener:
                    self._accept()
                elif key.fileobj == self.wake[0]:
                    with contextlib.suppress(BlockingIOError):
                        os.read(self.wake[0], 4096)
                else:
                    self._asker_died(key.fileobj)
                quiet_since = time.monotonic()
            self._reap()

    def _accept(self) -> None:
        asker, _ = self.listener.accept()
        try:
            request, streams = _receive(asker)
        except (OSError, ValueError):
            asker.close()
            return
        pid = os.fork()
        if pid == 0:
            asker.close()
            self._become(request, streams)
        for stream in streams:
            os.close(stream)
        self.askers[pid] = asker
        self.selector.register(asker, selectors.EVENT_READ)
        _tell(asker, {"pid": pid})

    def _become(self, request: dict[str, Any], streams: list[int]) -> None:
        """In the fork: take the asker's place and run its script; never returns."""
        _die_with_parent()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.selector.close()
        self.listener.close()
        for end in self.wake:
            os.close(end)
        for asker in self.askers.values():
            asker.close()
        for stream, place in zip(streams, (1, 2), strict=True):
            os.dup2(stream, place)
            os.close(stream)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        os._exit(_run(request))

    def _reap(self) -> None:
        while self.askers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            asker = self.askers.pop(pid)
            with contextlib.suppress(KeyError):
                self.selector.unregister(asker)
            code = os.waitstatus_to_exitcode(status)
            _tell(asker, {"status": code if code >= 0 else 128 - code})
            asker.close()

    def _asker_died(self, asker: Any) -> None:
        self.selector.unregister(asker)
        for pid, its in self.askers.items():
            if its is asker:
                os.kill(pid, signal.SIGKILL)


def _die_with_parent() -> None:
    """Ask the kernel to kill this fork if the server dies: nobody would wait for it any more."""
    import ctypes

    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def _receive(asker: socket.socket) -> tuple[dict[str, Any], list[int]]:
    data, streams, _, _ = socket.recv_fds(asker, 1 << 16, 2)
    while data and not data.endswith(b"\n"):
        data += asker.recv(1 << 16)
    return json.loads(data), streams


def _tell(asker: socket.socket, answer: dict[str, int]) -> None:
    with contextlib.suppress(OSError):
        asker.sendall(json.dumps(answer).encode() + b"\n")


def _run(request: dict[str, Any]) -> int:
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["cwd"])
    sys.argv = [request["script"]]
    # The project's own code may have changed since the server started.
    for name in [name for name in sys.modules if name.split(".")[0] == "mirage"]:
        del sys.modules[name]
    status = 0
    try:
        runpy.run_path(request["script"], run_name="__main__")
    except SystemExit as leaving:
        status = leaving.code if isinstance(leaving.code, int) else int(leaving.code is not None)
    except BaseException:
        import traceback

        traceback.print_exc()
        status = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return status


def main(path: str) -> None:
    """Serve on a socket; the entry of the server's process."""
    import importlib

    for name in _PRELOAD:
        importlib.import_module(name)
    server = _Server(Path(path))
    try:
        server.serve()
    finally:
        Path(path).unlink(missing_ok=True)


if __name__ == "__main__":
    main(sys.argv[1])
