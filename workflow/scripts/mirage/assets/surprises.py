"""What does not belong in a folder: a copy of it one level too deep, files too many.

Asked only when a count or a member is wrong, so it may look at every name.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

from mirage.assets.manifest import Member
from mirage.data.passing import entries
from mirage.visible import listed

_SHOWN = 5
_LOOKED_AT = 1_000


def nested_copy(folder: Path, holds: Sequence[Member]) -> Path | None:
    """Where a copy of the whole folder lies in it, one or two levels too deep; None if nowhere.

    A copy holds all of ``holds`` that has a name.
    """
    names = [member.path for member in holds if member.path != "."]
    level = [folder] if names else []
    for _ in range(2):
        level = [below for above in level for below in _folders(above)][:_LOOKED_AT]
        for below in level:
            # A single member that holds a folder of its own name is judged by its count.
            itself = names == [str(below.relative_to(folder))]
            if not itself and all((below / name).exists() for name in names):
                return below
    return None


def only_folder(folder: Path) -> Path | None:
    """The folder in which all files of a folder lie, if there is nothing else in it."""
    found = list(islice(entries(folder), 2))
    if len(found) != 1 or not found[0].is_dir():
        return None
    below = Path(found[0].path)
    holds = any(not entry.is_dir(follow_symlinks=False) for entry in entries(below))
    return below if holds else None


def extra(folder: Path, number: int) -> str:
    """Name the files of a folder that are too many: those unlike the others, else the newest."""
    found = sorted(_files(folder))
    inside = [name for name in found if Path(name).parent != Path()]
    if len(inside) == number:  # and the others lie in the folder itself
        return f"those in {listed(sorted({str(Path(name).parent) for name in inside}), _SHOWN)}"
    kinds = Counter(map(_kind, found))
    most = max(kinds.values(), default=0)
    unlike = [name for name in found if kinds[_kind(name)] < most]
    # The rarest kinds first, as far as they account for what is too many.
    unlike.sort(key=lambda name: (kinds[_kind(name)], name))
    if unlike and kinds[_kind(unlike[0])] <= number:
        return f"unlike the others: {listed(unlike[:number], _SHOWN)}"
    newest = sorted(found, key=lambda name: -(folder / name).lstat().st_ctime_ns)
    return f"the newest: {listed(newest[:number], _SHOWN)}"


def extra_folders(folder: Path, number: int) -> str:
    """Name the folders in a folder that are too many: empty ones, else the newest."""
    found = _folders(folder)
    empty = [below.name for below in found if not any(True for _ in _files(below))]
    if 0 < len(empty) <= number:
        return f"unlike the others: {listed(empty, _SHOWN)}"
    newest = sorted(found, key=lambda below: -below.lstat().st_ctime_ns)
    return f"the newest: {listed([below.name for below in newest[:number]], _SHOWN)}"


def _folders(folder: Path) -> list[Path]:
    return sorted(Path(e.path) for e in entries(folder) if e.is_dir(follow_symlinks=False))


def _files(folder: Path, below: str = "") -> Iterator[str]:
    """Paths below a folder; links to folders are not followed."""
    for entry in entries(folder / below):
        name = str(Path(below, entry.name))
        if entry.is_dir(follow_symlinks=False):
            yield from _files(folder, name)
        else:
            yield name


def _kind(name: str) -> str:
    """What names have in common: all but their digits, or the ending where they have none."""
    last = Path(name).name.lower()
    return re.sub(r"\d+", "0", last) if re.search(r"\d", last) else Path(last).suffix
