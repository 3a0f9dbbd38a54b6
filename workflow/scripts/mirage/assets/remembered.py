"""What was found out about files and folders that have not changed since.

Digests of gigabytes and counts of 200,000 files are remembered, so that the check before every
run costs next to nothing. A file is the same while size, time of change and inode are; a folder
while no folder below it was changed. The memory is a small JSON file; deleting it does no harm.
"""

import hashlib
import os
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from mirage.data.passing import entries
from mirage.errors import MirageError
from mirage.runtime import files

_SETTLED_S = 2.0


class Remembered:
    """Remembers digests of files and counts of folders."""

    def __init__(self, path: str | Path | None = None) -> None:
        """Read what is remembered.

        Args:
            path: the JSON file; None remembers for this process only. A damaged file is as good
                as none.
        """
        self.path = Path(path) if path is not None else None
        self._known: dict[str, dict[str, Any]] = {}
        self._changed = False
        if self.path is not None:
            with suppress(MirageError, OSError):
                known = files.read_json(self.path)
                if isinstance(known, dict):
                    self._known = {k: v for k, v in known.items() if isinstance(v, dict)}

    def digest(self, path: Path, algorithm: str) -> str:
        """Hexadecimal digest of a file, computed or remembered.

        Raises:
            OSError: the file cannot be read.
        """
        key = f"{algorithm}:{path.resolve()}"
        stamp = _stamp(path.stat())
        known = self._known.get(key, {})
        if known.get("stamp") == stamp and isinstance(known.get("digest"), str):
            return str(known["digest"])
        with path.open("rb") as file:
            # MD5 finds damage, which is what it is published for; it proves no origin.
            value = hashlib.file_digest(
                file, lambda: hashlib.new(algorithm, usedforsecurity=False)
            ).hexdigest()
        if stamp == _stamp(path.stat()):
            self._keep(key, {"stamp": stamp, "digest": value}, stamp[1])
        return value

    def count(self, folder: Path) -> int:
        """Number of files below a folder at any depth, as a data set's reader would take them in.

        What is hidden or a system's own is passed over, and no folder is entered twice.

        Raises:
            OSError: the folder or one below it cannot be read.
        """
        key = f"count:{folder.resolve()}"
        known = self._known.get(key, {})
        times = known.get("times")
        if isinstance(times, Mapping) and times and _unchanged(folder, times):
            return int(known["files"])
        times, number = _survey(folder)
        self._keep(key, {"times": times, "files": number}, max(times.values()))
        return number

    def save(self) -> None:
        """Write the memory; where it may not be written, the next check is merely slower."""
        if self.path is not None and self._changed:
            with suppress(MirageError, OSError):
                files.write_json(self.path, self._known, sealed=False)
                self._changed = False

    def _keep(self, key: str, entry: dict[str, Any], changed_ns: int) -> None:
        # Clocks of file systems tick coarsely: what changed just now may change again unseen.
        if time.time() - changed_ns / 1e9 > _SETTLED_S:
            self._known[key] = entry
            self._changed = True


def _stamp(status: os.stat_result) -> list[int]:
    return [status.st_size, status.st_mtime_ns, status.st_ino]


def _unchanged(folder: Path, times: Mapping[str, int]) -> bool:
    try:
        return all((folder / below).stat().st_mtime_ns == then for below, then in times.items())
    except OSError:
        return False


def _survey(folder: Path) -> tuple[dict[str, int], int]:
    times: dict[str, int] = {}
    number = 0
    waiting = ["."]
    parents = [above.stat() for above in folder.resolve().parents]
    entered = {(status.st_dev, status.st_ino) for status in parents}
    while waiting:
        below = waiting.pop()
        status = (folder / below).stat()
        place = status.st_dev, status.st_ino
        if place in entered:
            continue  # a link back, or a second one to the same folder
        entered.add(place)
        times[below] = status.st_mtime_ns
        for entry in entries(folder / below):
            if entry.is_dir():
                waiting.append(str(Path(below, entry.name)))
            else:
                number += 1
    return times, number
