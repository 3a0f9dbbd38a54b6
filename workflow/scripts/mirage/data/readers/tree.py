"""Walking folders of photographs in the order of torchvision's ImageFolder."""

import os
import shlex
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from mirage.errors import MirageError
from mirage.visible import listed

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".ppm", ".bmp", ".pgm", ".tif", ".tiff", ".webp")
"""What torchvision's ImageFolder takes for a photograph, in any case of letters."""


class Files(NamedTuple):
    """Files of one identity, as paths below its folder with forward slashes."""

    photos: list[str]
    others: list[str]


def folder_at(path: Path) -> Path:
    """Return ``path``.

    Raises:
        MirageError: it is no folder.
    """
    if not path.is_dir():
        raise MirageError(f"{path} is no folder", "the data set's folder", "correct its path")
    return path


def folders_in(path: Path) -> list[str]:
    """Names of the folders in a folder, by plain string comparison; hidden ones are left out.

    ImageFolder takes hidden folders for classes; no published data set has any.

    Raises:
        MirageError: ``path`` is no folder, or holds names that are not UTF-8.
    """
    with os.scandir(folder_at(path)) as entries:
        names = sorted(e.name for e in entries if e.is_dir() and not _hidden(e.name))
    _refuse_undecoded(path, names)
    return names


def files_below(folder: Path, suffixes: Sequence[str] | None = None) -> Files:
    """List the files below a folder, hidden ones left out.

    Order: folders by their path, then files by their name, both by plain string comparison; so
    the files of a folder come before those of the folders inside it.

    Args:
        folder: where to look; links to folders are followed.
        suffixes: endings of photographs in small letters; None takes every file for one.

    Raises:
        MirageError: names that are not UTF-8.
    """
    photos: list[str] = []
    others: list[str] = []
    walk = sorted(os.walk(folder, followlinks=True), key=lambda step: step[0])
    for place, _, names in walk:
        below = Path(place).relative_to(folder)
        if any(map(_hidden, below.parts)):
            continue
        for name in sorted(name for name in names if not _hidden(name)):
            wanted = suffixes is None or name.lower().endswith(tuple(suffixes))
            (photos if wanted else others).append((below / name).as_posix())
    _refuse_undecoded(folder, [*photos, *others])
    return Files(photos, others)


def _refuse_undecoded(folder: Path, names: Iterable[str]) -> None:
    """Refuse names that are not UTF-8, which neither index nor manifest could hold.

    Archives packed in another encoding leave such names, and Python keeps their odd bytes as
    lone surrogates; before anything is decoded is the time to tell.

    Raises:
        MirageError: shows the names with their odd bytes escaped.
    """
    odd = [name for name in names if not _is_text(name)]
    if not odd:
        return
    place = os.fsencode(folder).decode("utf-8", "backslashreplace")
    raise MirageError(
        f"{place} holds names that are not UTF-8: {listed(odd)}",
        "names in UTF-8, as the data set has them",
        f"rename them (convmv -r -f latin1 -t utf8 --notest {shlex.quote(place)}, if the archive "
        "was packed as Latin-1)",
    )


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True


def _hidden(name: str) -> bool:
    return name.startswith(".")
