"""The parts of a zip in which everything is stored as it is.

Only the directory is read. A part is given as a view of the file, so nothing can grow: parts that
are compressed, encrypted, share their bytes or lie outside the file are refused.
"""

import struct
import zlib
from dataclasses import dataclass
from typing import NamedTuple

from mirage.foreign.plain_pickle import Refused
from mirage.foreign.wording import plain

MOST_PARTS = 20_000
_END = struct.Struct("<4s4H2LH")
_LOCATOR = struct.Struct("<4sLQL")
_END_64 = struct.Struct("<4sQ2H2L4Q")
_ENTRY = struct.Struct("<4s6H3L5H2L")
_LOCAL = struct.Struct("<4s5H3L2H")
_UNKNOWN = 0xFFFFFFFF  # "see the larger field"
_ENCRYPTED = 1
_NOT_AS_IT_IS = "it is a zip made anew, its parts are compressed or share their bytes"


@dataclass(frozen=True)
class StoredPart:
    """One part of a zip."""

    name: str
    data: memoryview
    crc: int

    def check(self) -> memoryview:
        """The bytes, held to their checksum.

        Raises:
            Refused: they have changed since they were packed.
        """
        if zlib.crc32(self.data) != self.crc:
            raise Refused(f"its part {plain(self.name)} is damaged (its checksum is another)")
        return self.data


class _Entry(NamedTuple):
    name: str
    offset: int
    size: int
    crc: int


def stored_parts(data: memoryview) -> dict[str, StoredPart]:
    """Find the parts of a zip.

    Args:
        data: the whole file.

    Returns:
        Name -> part.

    Raises:
        Refused: it is no zip, cut short, or holds more than stored parts side by side.
    """
    try:
        count, size, start = _directory(data)
        entries = sorted(_entries(data[start : start + size], count), key=lambda e: e.offset)
        parts: dict[str, StoredPart] = {}
        free = 0
        for entry in entries:
            if entry.offset < free or entry.name in parts:
                raise Refused(_NOT_AS_IT_IS)
            content = _content(data, entry)
            free = content + entry.size
            if free > start:
                raise Refused("it is a zip that claims parts that are not there")
            parts[entry.name] = StoredPart(entry.name, data[content:free], entry.crc)
    except (struct.error, UnicodeDecodeError) as error:
        raise Refused("it is a damaged zip") from error
    return parts


def _directory(data: memoryview) -> tuple[int, int, int]:
    """Number of entries, bytes of the directory, where it begins."""
    tail = max(0, len(data) - 2**16 - _END.size)
    end = tail + bytes(data[tail:]).rfind(b"PK\x05\x06")
    if end < tail:
        raise Refused("it is a zip that is cut short (it has no directory)")
    *_, count, size, start, _ = _END.unpack_from(data, end)
    locator = end - _LOCATOR.size
    if locator >= 0 and bytes(data[locator : locator + 4]) == b"PK\x06\x07":
        _, _, where, _ = _LOCATOR.unpack_from(data, locator)
        if where > locator or bytes(data[where : where + 4]) != b"PK\x06\x06":
            raise Refused("it is a damaged zip")
        *_, count, size, start = _END_64.unpack_from(data, where)
    if count > MOST_PARTS:
        raise Refused(f"it is a zip of {count:,} parts, more than any file of weights has")
    if start + size > end:
        raise Refused("it is a zip that is cut short, or claims parts that are not there")
    return count, size, start


def _entries(directory: memoryview, count: int) -> list[_Entry]:
    entries, place = [], 0
    for _ in range(count):
        fields = _ENTRY.unpack_from(directory, place)
        sign, flags, method, crc, packed, size = fields[0], *fields[3:5], *fields[7:10]
        names, extras, comments, offset = *fields[10:13], fields[-1]
        if sign != b"PK\x01\x02":
            raise Refused("it is a damaged zip")
        place += _ENTRY.size
        name = bytes(directory[place : place + names]).decode()
        extra = directory[place + names : place + names + extras]
        place += names + extras + comments
        size, packed, offset = _large(extra, size, packed, offset)
        if method or flags & _ENCRYPTED or packed != size:
            raise Refused(_NOT_AS_IT_IS)
        entries.append(_Entry(name, offset, size, crc))
    return entries


def _large(extra: memoryview, *values: int) -> tuple[int, ...]:
    """Replace sizes and offsets that do not fit 32 bits by those of the zip64 field."""
    if _UNKNOWN not in values:
        return values
    place = 0
    while place + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, place)
        if kind == 1:
            field = extra[place + 4 : place + 4 + size]
            found = iter(struct.unpack_from(f"<{len(field) // 8}Q", field))
            return tuple(next(found, value) if value == _UNKNOWN else value for value in values)
        place += 4 + size
    return values


def _content(data: memoryview, entry: _Entry) -> int:
    """Where a part's bytes begin, behind its own head."""
    fields = _LOCAL.unpack_from(data, entry.offset)
    start = entry.offset + _LOCAL.size
    name = bytes(data[start : start + fields[-2]])
    if fields[0] != b"PK\x03\x04" or name != entry.name.encode():
        raise Refused("it is a damaged zip (directory and contents disagree)")
    return int(start + fields[-2] + fields[-1])
