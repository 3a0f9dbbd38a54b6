"""The register of readers, and what a reader hands over."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from mirage.data.passing import LeftAlone
from mirage.errors import MirageError
from mirage.recipes import require
from mirage.visible import listed

Sources = Mapping[str, Path]
"""Role -> file or folder a data set is read from."""


class Photo(NamedTuple):
    """One photograph that has not been decoded yet."""

    name: str
    """Path below the source with forward slashes; unique within the data set."""
    identity: str
    path: Path
    split: str | None = None
    """"train" or "test" where the data set's own lists or folders say so."""


class Listing(NamedTuple):
    """What a reader found."""

    photos: list[Photo]
    identities: list[str]
    """Position = label, unless a selection says otherwise."""
    left_alone: list[LeftAlone]
    """Files and folders among the photographs that are not read."""


Reader = Callable[[Sources], Listing]


class _Entry(NamedTuple):
    list: Reader
    roles: tuple[str, ...]
    optional: tuple[str, ...]


_READERS: dict[str, _Entry] = {}


def reader(name: str, *roles: str, optional: tuple[str, ...] = ()) -> Callable[[Reader], Reader]:
    """Register a reader under its name in the configuration.

    Args:
        name: the name.
        roles: sources it needs.
        optional: sources it can do without.
    """

    def register(function: Reader) -> Reader:
        _READERS[name] = _Entry(function, roles, optional)
        return function

    return register


def reader_names() -> tuple[str, ...]:
    """Names of all registered readers."""
    return tuple(_READERS)


def list_photos(name: str, sources: Sources) -> Listing:
    """List a data set's photographs in its reader's stable order.

    Args:
        name: a registered reader.
        sources: where it reads, by role.

    Raises:
        MirageError: no such reader, a role missing or unknown, or a source that lacks something.
    """
    require(name in _READERS, "reader", name, f"one of {listed(_READERS)}")
    entry = _READERS[name]
    known = (*entry.roles, *entry.optional)
    for role in entry.roles:
        if role not in sources:
            raise MirageError(f"the reader {name!r} has no source {role!r}", listed(known))
    for role in sources:
        if role not in known:
            raise MirageError(f"the reader {name!r} takes no source {role!r}", listed(known))
    return entry.list(sources)


def by_first_appearance(photos: list[Photo], left_alone: list[LeftAlone] | None = None) -> Listing:
    """Make a listing whose identities stand in order of first appearance."""
    identities = list(dict.fromkeys(photo.identity for photo in photos))
    return Listing(photos, identities, left_alone or [])
