"""Reading files of strangers: regular ones only, and no more of them than is wanted."""

import os
from pathlib import Path
from typing import BinaryIO

from mirage.runtime.regular import kind_of_mode


class Irregular(Exception):  # noqa: N818 - a finding about the data, met where it is told
    """The path leads to no regular file, or to one that is too large; the text says which."""


def open_regular(path: Path) -> BinaryIO:
    """Open a regular file for reading.

    Neither a pipe without a writer nor a device is ever waited for or touched: the path is looked
    at before it is opened, opened without blocking, and looked at again.

    Args:
        path: the file; links are followed.

    Raises:
        Irregular: no regular file.
        OSError: it cannot be read.
    """
    _refuse_special(path.stat().st_mode)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    file = open(descriptor, "rb")  # noqa: PTH123, SIM115 - of a descriptor; closed by the caller
    try:
        _refuse_special(os.fstat(descriptor).st_mode)  # it may have been exchanged since
    except Irregular:
        file.close()
        raise
    return file


def read_regular(path: Path, most_bytes: int) -> bytes:
    """Read a regular file whole.

    Raises:
        Irregular: no regular file, or more than ``most_bytes``.
        OSError: it cannot be read.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        if size > most_bytes:
            raise Irregular(f"{size:,} bytes, more than the {most_bytes:,} that are read")
        content = file.read(most_bytes + 1)
    if len(content) > most_bytes:
        raise Irregular(f"it grows beyond the {most_bytes:,} bytes that are read")
    return content


def _refuse_special(mode: int) -> None:
    kind = kind_of_mode(mode)
    if kind is not None:
        raise Irregular(f"{kind}, no regular file")
