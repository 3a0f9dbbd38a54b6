"""Files that are there and may not be read: told as what they are."""

import os
import stat
from pathlib import Path

from mirage.errors import MirageError


def denied(path: str | Path) -> MirageError:
    """The error about a file that may not be read; names what bars the way, its owner and mode."""
    return MirageError(
        f"{path} is there but cannot be read: permission denied{culprit(path)}",
        remedy="ask the owner to open it to you (chmod g+rX or o+rX), or copy it to a place of "
        "your own",
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
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"
