"""The server of the warm start: imports the heavy libraries once and forks for every request.

It runs no code of this project but its own: a fork reads the library afresh. Who asks must be the
same user, asks in its own time without keeping others waiting, and is told how its fork ended.
"""

import contextlib
import json
import os
import resource
import runpy
import selectors
import signal
import socket
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mirage.runtime.warm import peer

IDLE_S = float(os.environ.get("MIRAGE_WARM_IDLE_S", "20"))
_PRELOAD = ("torch", "numpy", "pandas", "safetensors.torch", "PIL.Image")
_PATIENCE_S = 10.0  # for the rest of a request
_LONGEST = 16 << 20  # bytes of a request; an environment has at most a few
_STREAMS = 2


@dataclass
class _Asker:
    """One connection: first what it has sent so far, then the fork that works for it."""

    connection: socket.socket
    since: float
    sent: bytearray = field(default_factory=bytearray)
    streams: list[int] = field(default_factory=list)
    pid: int | None = None

    def close(self) -> None:
        for stream in self.streams:
            os.close(stream)
        self.streams.clear()
        self.connection.close()


class _Server:
    """Accepts requests, forks, and tells each asker how its fork ended."""

    def __init__(self, path: Path) -> None:
        self.pid = os.getpid()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(path))
        path.chmod(0o600)
        self.listener.setblocking(False)
        self.listener.listen(64)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.listener, selectors.EVENT_READ)
        self.askers: dict[socket.socket, _Asker] = {}
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
                elif key.fileobj in self.askers:
                    self._hear(self.askers[key.fileobj])
                quiet_since = time.monotonic()
            self._reap()
            self._forget_the_silent()

    def _accept(self) -> None:
        try:
            connection, _ = self.listener.accept()
        except OSError:  # gone again, or no descriptor is free
            return
        if peer(connection) != os.getuid():
            connection.close()
            return
        connection.setblocking(False)
        self.askers[connection] = _Asker(connection, time.monotonic())
        self.selector.register(connection, selectors.EVENT_READ)

    def _hear(self, asker: _Asker) -> None:
        """Take in what was sent; a whole request is forked for, an end means that nobody waits."""
        try:
            data, streams, _, _ = socket.recv_fds(asker.connection, 1 << 16, _STREAMS)
        except BlockingIOError:
            return
        except OSError:
            data, streams = b"", []
        asker.streams += streams
        asker.sent += data
        if not data or asker.pid is not None or len(asker.sent) > _LONGEST:
            self._dismiss(asker)
        elif asker.sent.endswith(b"\n"):
            self._fork_for(asker)

    def _fork_for(self, asker: _Asker) -> None:
        try:
            request = _checked(json.loads(asker.sent))
            if len(asker.streams) != _STREAMS:
                raise ValueError("a request comes with its output streams")
            pid = os.fork()
        except (OSError, ValueError):
            self._dismiss(asker)
            return
        if pid == 0:
            try:
                status = self._become(request, asker.streams)
            except BaseException:
                status = 1
            os._exit(status)  # never back into the server's own loop and its ending
        asker.pid = pid
        for stream in asker.streams:
            os.close(stream)
        asker.streams.clear()
        _tell(asker, {"pid": pid})

    def _become(self, request: dict[str, Any], streams: list[int]) -> int:
        """In the fork: take the asker's place and run its script."""
        _die_with_parent(self.pid)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGTERM):
            signal.signal(number, signal.SIG_DFL)
        signal.signal(signal.SIGINT, signal.default_int_handler)
        self.selector.close()
        self.listener.close()
        for end in self.wake:
            os.close(end)
        for asker in self.askers.values():
            asker.connection.close()
        for stream, place in zip(streams, (1, 2), strict=True):
            os.dup2(stream, place)
            os.close(stream)
        sys.stdout = os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
        _inherit(request)
        return _run(request)

    def _reap(self) -> None:
        by_pid = {asker.pid: asker for asker in self.askers.values() if asker.pid is not None}
        while True:
            try:
                pid, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if pid == 0:
                return
            if (asker := by_pid.get(pid)) is not None:
                code = os.waitstatus_to_exitcode(status)
                _tell(asker, {"status": code if code >= 0 else 128 - code})
                asker.pid = None
                self._dismiss(asker)

    def _forget_the_silent(self) -> None:
        latest = time.monotonic() - _PATIENCE_S
        for asker in list(self.askers.values()):
            if asker.pid is None and asker.since < latest:
                self._dismiss(asker)

    def _dismiss(self, asker: _Asker) -> None:
        """Let go of an asker; work for one that went away is in vain."""
        if asker.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(asker.pid, signal.SIGKILL)
        self.selector.unregister(asker.connection)
        del self.askers[asker.connection]
        asker.close()


def _checked(request: Any) -> dict[str, Any]:
    """Hold a request to its form.

    Raises:
        ValueError: it is none.
    """
    wanted = {"script": str, "cwd": str, "env": dict, "umask": int, "processors": list,
              "limits": dict}  # fmt: skip
    if not isinstance(request, dict) or not all(
        isinstance(request.get(name), kind) for name, kind in wanted.items()
    ):
        raise ValueError("no request")
    return request


def _inherit(request: dict[str, Any]) -> None:
    """Take on what a child of the asker would have had from it."""
    os.umask(request["umask"])
    with contextlib.suppress(OSError):  # processors that were taken away since
        os.sched_setaffinity(0, request["processors"])
    for number, soft in request["limits"].items():
        hard = resource.getrlimit(int(number))[1]  # the same as the asker's: the server's key
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(int(number), (soft, hard))


def _die_with_parent(server: int) -> None:
    """Ask the kernel to kill this fork if the server dies: nobody would wait for it any more."""
    import ctypes

    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != server:  # it died before the kernel was asked
        os._exit(1)


def _tell(asker: _Asker, answer: dict[str, int]) -> None:
    with contextlib.suppress(OSError):
        asker.connection.sendall(json.dumps(answer).encode() + b"\n")


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
    mine = Path(path).stat()
    try:
        server.serve()
    finally:
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(Path(path).stat(), mine):  # not a successor's
                Path(path).unlink()


if __name__ == "__main__":
    main(sys.argv[1])
