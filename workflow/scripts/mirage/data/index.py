"""The index of a store: one line of CSV per image."""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from operator import attrgetter
from pathlib import Path
from typing import Any

from mirage import sheets
from mirage.errors import MirageError
from mirage.runtime import files


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the index.

    Attributes:
        index: position in the store, which keeps the reader's order.
        name: the photograph's name, unique.
        identity: who is on it.
        label: position of the identity in the store's list.
        split: "train" or "test".
        order: position inside the published order of its split.
        height: in pixels.
        width: in pixels.
        pixel_hash: hash of the decoded pixels and their shape.
    """

    index: int
    name: str
    identity: str
    label: int
    split: str
    order: int
    height: int
    width: int
    pixel_hash: str


_COLUMNS = tuple(field.name for field in fields(Entry))
_READ: dict[type, Callable[[str], Any]] = {int: int, str: sheets.read_cell}


def write_index(path: Path, entries: Sequence[Entry]) -> None:
    """Write the index: UTF-8, one heading, equal bytes on every platform."""
    files.write_text(path, sheets.text([_COLUMNS, *map(attrgetter(*_COLUMNS), entries)]))


def read_index(path: Path) -> list[Entry]:
    """Read the index.

    Raises:
        MirageError: other columns, or a line that does not fit them.
    """
    kinds = [_READ[Entry.__annotations__[column]] for column in _COLUMNS]
    with files.sound(path).open(encoding="utf-8", newline="") as file:
        rows = csv.reader(file)
        if tuple(next(rows, ())) != _COLUMNS:
            raise MirageError(f"{path} has other columns", ", ".join(_COLUMNS))
        try:
            return [
                Entry(*(kind(value) for kind, value in zip(kinds, row, strict=True)))
                for row in rows
            ]
        except ValueError as error:
            raise MirageError(
                f"{path} is damaged near line {rows.line_num} ({error})",
                remedy="delete the store; the next run prepares it anew",
            ) from error
