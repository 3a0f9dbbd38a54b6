"""The server of the warm start: imports the heavy libraries once and forks for every request.

It runs no code of this project but its own: a fork reads the library afresh. Each asker has an
attendant, a fork of the server that hears the request, forks the work and tells how that ended; so
nobody keeps others waiting. Who asks must be the same user.
"""

import contextlib
import ctypes
import importlib
import json
import os
import resource
import runpy
import select
import signal
import socket
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from mirage.runtime.warm import peer

IDLE_S = float(os.environ.get("MIRAGE_WARM_IDLE_S", "20"))
_PRELOAD = ("torch", "numpy", "pandas", "safetensors.torch", "PIL.Image")
_COMPILER, _OFTEN = "torch._dynamo", 12
"""PyTorch imports its compiler for the shapes of the first network, which almost every job asks
for: two seconds, which the server spends once, as soon as so many have come."""
_PATIENCE_S = 10  # for a whole request
_LONGEST = 16 << 20  # bytes of a request; an environment has at most a few
_STREAMS = 2
_FIELDS = {
    "script": str, "cwd": str, "env": dict, "umask": int, "processors": list, "limits": dict,
}  # fmt: skip


def _serve(listener: socket.socket) -> None:
    """Work until there has been none for ``IDLE_S``."""
    server, attendants, come, quiet_since = os.getpid(), 0, 0, time.monotonic()
    while attendants or time.monotonic() - quiet_since < IDLE_S:
        # Nobody came within a second, or went away again, or there is no room for a process.
        with contextlib.suppress(OSError), listener.accept()[0] as connection:
            come += 1
            if come == _OFTEN:
                importlib.import_module(_COMPILER)
            if os.fork() == 0:
                try:
                    listener.close()
                    _attend(connection, server)
                finally:
                    os._exit(0)  # never back into the server's own loop and its ending
            attendants += 1
        while attendants and os.waitpid(-1, os.WNOHANG)[0]:
            attendants -= 1
            quiet_since = time.monotonic()


def _attend(connection: socket.socket, server: int) -> None:
    """Serve one asker; raises whatever makes that impossible."""
    _die_with_parent(server)
    if peer(connection) != os.getuid():
        return
    signal.alarm(_PATIENCE_S)  # which ends this process
    request, streams = _hear(connection)
    signal.alarm(0)
    wake_read, wake_write = os.pipe()
    os.set_blocking(wake_write, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wake_write)
    attendant, pid = os.getpid(), os.fork()
    if pid == 0:
        status = 1
        try:
            for end in (connection.detach(), wake_read, wake_write):
                os.close(end)
            status = _become(request, streams, attendant)
        finally:
            os._exit(status)
    for stream in streams:
        os.close(stream)
    _tell(connection, {"pid": pid})
    ready, _, _ = select.select([connection.fileno(), wake_read], [], [])
    if wake_read not in ready:  # the asker went away: work for it is in vain
        os.kill(pid, signal.SIGKILL)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    _tell(connection, {"status": code if code >= 0 else 128 - code})


def _hear(connection: socket.socket) -> tuple[dict[str, Any], list[int]]:
    """The request and the output streams that come with it.

    Raises:
        ValueError: it is none.
    """
    sent, streams = bytearray(), []
    while not sent.endswith(b"\n"):
        data, more, _, _ = socket.recv_fds(connection, 1 << 16, _STREAMS)
        sent += data
        streams += more
        if not data or len(sent) > _LONGEST:
            raise ValueError("no request")
    request = json.loads(sent)
    fits = all(isinstance(request[name], kind) for name, kind in _FIELDS.items())
    if not fits or len(streams) != _STREAMS:
        raise ValueError("no request, or none with its output streams")
    return request, streams


def _become(request: dict[str, Any], streams: list[int], attendant: int) -> int:
    """In the fork: take the asker's place and run its script."""
    _die_with_parent(attendant)
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGCHLD, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for stream, place in zip(streams, (1, 2), strict=True):
        os.dup2(stream, place)
        os.close(stream)
    sys.stdout = os.fdopen(1, "w", closefd=False)
    sys.stderr = os.fdopen(2, "w", buffering=1, closefd=False)
    _inherit(request)
    return _run(request)


def _inherit(request: dict[str, Any]) -> None:
    """Take on what a child of the asker would have had from it."""
    os.umask(request["umask"])
    with contextlib.suppress(OSError):  # processors that were taken away since
        os.sched_setaffinity(0, request["processors"])
    for number, soft in request["limits"].items():
        hard = resource.getrlimit(int(number))[1]  # the same as the asker's: the server's key
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(int(number), (soft, hard))


def _die_with_parent(parent: int) -> None:
    """Ask the kernel to kill this process if its parent dies: nobody would wait for it then."""
    set_parent_death_signal = 1  # PR_SET_PDEATHSIG of <linux/prctl.h>
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel was asked
        os._exit(1)


def _tell(connection: socket.socket, answer: dict[str, int]) -> None:
    with contextlib.suppress(OSError):
        connection.sendall(json.dumps(answer).encode() + b"\n")


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
        traceback.print_exc()
        status = 1
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
    return status


def main(path: Path) -> None:
    """Serve on a socket; the entry of the server's process."""
    for name in _PRELOAD:
        importlib.import_module(name)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    path.chmod(0o600)
    listener.settimeout(1.0)
    listener.listen(64)
    mine = path.stat()
    try:
        _serve(listener)
    finally:
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(path.stat(), mine):  # not a successor's
                path.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
