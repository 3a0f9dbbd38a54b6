"""A folder of this user's own on this machine, though the place it lies in is common.

Whatever has our name in a folder that others can write to (a file, a dangling link, somebody's
folder) is neither trusted nor in the way: the next place serves as well.
"""

import os
import stat
from collections.abc import Iterable
from pathlib import Path

from mirage.errors import MirageError
from mirage.visible import listed

COMMON = ("/tmp", "/var/tmp", "/dev/shm")
"""Where every process of a machine finds the same folder; tried in this order."""


def private_folder(bases: Iterable[str | Path] = COMMON) -> Path:
    """Return a folder that nobody else can enter, made if need be.

    Args:
        bases: folders in which it may lie, most preferred first; the user's cache comes last.

    Raises:
        MirageError: none will do; says why each does not.
    """
    refused = []
    cache = Path(os.environ.get("HOME", ""), ".cache")
    for base in [*bases, *([cache] if cache.is_absolute() else [])]:
        folder = Path(base) / f"mirage-{os.getuid()}"
        why = unfit(folder)
        if not why:
            return folder
        refused.append(f"{folder} ({why})")
    raise MirageError(
        f"there is no place for a folder of one's own: {listed(refused)}",
        remedy="remove what lies at one of these, or set TMPDIR",
    )


def unfit(folder: Path) -> str:
    """Make a folder, if it is not there; say why it is not this user's own, or nothing."""
    try:
        folder.mkdir(mode=0o700, exist_ok=True)
        status = folder.lstat()
    except OSError as error:  # a file or a dangling link of that name, a disk without room
        return error.strerror or type(error).__name__
    if not stat.S_ISDIR(status.st_mode):
        return "a link"
    if status.st_uid != os.getuid():
        return "another user's"
    return "open to others" if status.st_mode & 0o077 else ""
