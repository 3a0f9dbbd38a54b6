"""The parts of a zip in which everything is stored as it is.

Only the directory is read. A part is given as a view of the file, so nothing can grow: parts that
are compressed, encrypted, share their bytes or lie outside the file are refused.
"""

import io
import struct
import zipfile
import zlib
from dataclasses import dataclass

from mirage.foreign.plain_pickle import Refused
from mirage.foreign.wording import plain

_MOST_PARTS = 20_000
_LONGEST_DIRECTORY = 4 * 2**20
_LOCAL = struct.Struct("<4s5H3L2H")
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


def stored_parts(data: memoryview) -> dict[str, StoredPart]:
    """Find the parts of a zip, by name.

    Args:
        data: the whole file.

    Raises:
        Refused: it is no zip, cut short, or holds more than stored parts side by side.
    """
    # The library copies and reads whatever directory is claimed; here it sees the file's end alone.
    before = max(len(data) - _LONGEST_DIRECTORY, 0)
    try:
        with zipfile.ZipFile(io.BytesIO(data[before:]), metadata_encoding="utf-8") as archive:
            entries = sorted(archive.infolist(), key=lambda entry: entry.header_offset)
            directory = before + archive.start_dir
    except (zipfile.BadZipFile, NotImplementedError, ValueError, struct.error) as error:
        raise Refused(f"it is a zip that is cut short or damaged ({plain(error)})") from error
    if len(entries) > _MOST_PARTS:
        raise Refused(f"it is a zip of {len(entries):,} parts, more than any file of weights has")
    parts: dict[str, StoredPart] = {}
    free = 0
    for entry in entries:
        name, place = entry.filename, before + entry.header_offset
        as_it_is = not (entry.compress_type or entry.flag_bits & _ENCRYPTED)
        if not as_it_is or entry.compress_size != entry.file_size or name in parts or place < free:
            raise Refused(_NOT_AS_IT_IS)
        content = _content(data[:directory], place, name)
        free = content + entry.file_size
        if free > directory:
            raise Refused("it is a zip that claims parts that are not there")
        parts[name] = StoredPart(name, data[content:free], entry.CRC)
    return parts


def _content(data: memoryview, place: int, name: str) -> int:
    """Where a part's bytes begin, behind its own head."""
    start = place + _LOCAL.size
    if start <= len(data):
        sign, *_, name_length, extra_length = _LOCAL.unpack_from(data, place)
        if sign == b"PK\x03\x04" and data[start : start + name_length] == name.encode():
            return int(start + name_length + extra_length)
    raise Refused("it is a damaged zip (directory and contents disagree)")
