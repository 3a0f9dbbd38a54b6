"""What a reader of a data set hands over: photographs that nobody has decoded yet."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from mirage.data.passing import LeftAlone

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
    content: bytes | None = None
    """An image file's content, where ``path`` holds it among others; None where it is the file."""


class Listing(NamedTuple):
    """What a reader found."""

    photos: list[Photo]
    identities: list[str]
    """Position = label, unless a selection says otherwise."""
    left_alone: list[LeftAlone]
    """Files and folders among the photographs that are not read."""


class Reader(NamedTuple):
    """How a data set is read.

    Attributes:
        list: lists its photographs in a stable order.
        roles: sources it needs.
        optional: sources it can do without.
    """

    list: Callable[[Sources], Listing]
    roles: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()


def by_first_appearance(photos: list[Photo], left_alone: list[LeftAlone] | None = None) -> Listing:
    """Make a listing whose identities stand in order of first appearance."""
    identities = list(dict.fromkeys(photo.identity for photo in photos))
    return Listing(photos, identities, left_alone or [])
