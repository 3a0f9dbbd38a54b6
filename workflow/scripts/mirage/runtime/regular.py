"""Opening files of strangers: regular ones only, and those that may not be read told as that.

Opening a named pipe waits for a writer that may never come, and a device has no end. What a path
leads to is looked at before anything is read, without waiting.
"""

import errno
import mmap
import os
import pwd
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from mirage.errors import MirageError

_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)
_MISSING = "let the rule that makes it run"


class IrregularError(MirageError):
    """What lies at a path is no regular file; ``kind`` says in words what it is."""

    def __init__(self, path: str | Path, kind: str) -> None:
        """Say so."""
        super().__init__(
            f"{path} cannot be read, it is {kind}", "a regular file", "correct the path"
        )
        self.kind = kind


def kind_of_mode(mode: int) -> str | None:
    """Say in words what it is of which ``stat`` told the mode; None for a regular file."""
    if stat.S_ISREG(mode):
        return None
    return next((name for matches, name in _KINDS if matches(mode)), "no regular file")


@contextmanager
def opened(path: str | Path, missing: str = _MISSING) -> Iterator[BufferedReader]:
    """Open a regular file for reading bytes.

    Args:
        path: the file; links are followed.
        missing: what to do if nothing is there.

    Raises:
        MirageError: it is missing, a dangling link, a folder, a pipe, a device, or unreadable.
    """
    try:
        # Without O_NONBLOCK a pipe put there after the look would still be waited for.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError as error:
        raise _unopened(Path(path), error, missing) from error
    kind = kind_of_mode(os.fstat(descriptor).st_mode)
    if kind is not None:
        os.close(descriptor)
        raise IrregularError(path, kind)
    with os.fdopen(descriptor, "rb") as file:
        yield file


def mapped(path: str | Path, missing: str = _MISSING) -> memoryview:
    """Give a regular file's bytes without reading them: pages come when they are touched.

    Raises:
        MirageError: as ``opened``.
    """
    with opened(path, missing) as file:
        if os.fstat(file.fileno()).st_size == 0:  # which no system maps
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _unopened(path: Path, error: OSError, missing: str) -> MirageError:
    if error.errno == errno.ENXIO:  # a socket, or a pipe's other end
        return IrregularError(path, "a socket or a device")
    if isinstance(error, PermissionError):
        return MirageError(
            f"{path} is there but cannot be read: permission denied{culprit(path)}",
            remedy="ask the owner to open it to you (chmod g+rX or o+rX), or copy it to a place of "
            "your own",
        )
    if path.is_symlink() and not path.exists():
        return MirageError(
            f"{path} is missing: it is a link to {path.readlink()}, where there is nothing",
            remedy="correct the link",
        )
    if isinstance(error, FileNotFoundError):
        return MirageError(f"{path} is missing", remedy=missing)
    return MirageError(
        f"{path} cannot be read ({error.strerror})", "one readable file", "mend its permissions"
    )


def culprit(path: str | Path) -> str:
    """The first thing on the way to ``path`` that may not be entered or read, in brackets."""
    whole = Path.cwd() / path
    barred = whole
    for folder in reversed(whole.parents):
        try:
            folder.stat()
        except OSError:
            break
        barred = folder
        if not os.access(folder, os.X_OK, effective_ids=os.access in os.supports_effective_ids):
            break
    else:
        barred = whole
    try:
        status = barred.stat()
    except OSError:
        return ""
    return f" ({barred} belongs to {_owner(status.st_uid)}, mode {stat.filemode(status.st_mode)})"


def _owner(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
