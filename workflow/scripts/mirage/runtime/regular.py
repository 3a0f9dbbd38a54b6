"""Opening files of strangers: regular ones only.

Opening a named pipe waits for a writer that may never come, and a device has no end. What a path
leads to is looked at before anything is read, without waiting.
"""

import errno
import mmap
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path

from mirage.errors import MirageError
from mirage.runtime.permissions import denied

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


def kind_of(path: str | Path) -> str | None:
    """Say what lies at a path in words; None for a regular file, links followed.

    Raises:
        OSError: nothing is there, or it may not be looked at.
    """
    return kind_of_mode(Path(path).stat().st_mode)


def kind_of_mode(mode: int) -> str | None:
    """The same of what ``stat`` told."""
    if stat.S_ISREG(mode):
        return None
    return next((name for matches, name in _KINDS if matches(mode)), "no regular file")


def require_regular(path: str | Path, missing: str = _MISSING) -> None:
    """Refuse whatever is no readable regular file.

    Args:
        path: the file.
        missing: what to do if nothing is there.

    Raises:
        MirageError: it is missing, a dangling link, a folder, a pipe, a device, or unreadable.
    """
    with opened(path, missing):
        pass


@contextmanager
def opened(path: str | Path, missing: str = _MISSING) -> Iterator[BufferedReader]:
    """Open a regular file for reading bytes.

    Args:
        path: the file; links are followed.
        missing: what to do if nothing is there.

    Raises:
        MirageError: as ``require_regular``.
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
        MirageError: as ``require_regular``.
    """
    with opened(path, missing) as file:
        if os.fstat(file.fileno()).st_size == 0:  # which no system maps
            return memoryview(b"")
        return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))


def _unopened(path: Path, error: OSError, missing: str) -> MirageError:
    if error.errno == errno.ENXIO:  # a socket, or a pipe's other end
        return IrregularError(path, "a socket or a device")
    if isinstance(error, PermissionError):
        return denied(path)
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
