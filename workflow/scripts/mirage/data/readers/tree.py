"""Walking folders of photographs in the order of torchvision's ImageFolder."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from mirage.errors import MirageError

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
        MirageError: ``path`` is no folder.
    """
    with os.scandir(folder_at(path)) as entries:
        return sorted(entry.name for entry in entries if entry.is_dir() and not _hidden(entry.name))


def files_below(folder: Path, suffixes: Sequence[str] | None = None) -> Files:
    """List the files below a folder, hidden ones left out.

    Order: folders by their path, then files by their name, both by plain string comparison; so
    the files of a folder come before those of the folders inside it.

    Args:
        folder: where to look; links to folders are followed.
        suffixes: endings of photographs in small letters; None takes every file for one.
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
    return Files(photos, others)


def _hidden(name: str) -> bool:
    return name.startswith(".")
