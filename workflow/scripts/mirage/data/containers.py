"""JPEG and PNG taken apart: what the pixels depend on, and what is only said about them."""

import struct
import zlib
from collections.abc import Iterator
from typing import NamedTuple

_PNG, _JPEG = b"\x89PNG\r\n\x1a\n", b"\xff\xd8"
_MOST_PARTS = 10_000  # a photograph has some dozens; a PNG in pieces of 8 KB some thousands

_CHUNK = 12  # bytes of a PNG chunk beside its content: length, name, checksum
_CHUNKS_NEEDED = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")
_EXIF_CHUNK = b"eXIf"

_SCAN, _ALONE = 0xDA, {0x01, *range(0xD0, 0xDA)}  # markers; the latter have no content
# APP1 to APP13, APP15 and comments; APP0 and APP14 say what the colours mean.
_SEGMENTS_NEEDLESS = {*range(0xE1, 0xEE), 0xEF, 0xFE}
_APP1, _APP2 = 0xE1, 0xE2
EXIF_HEAD = b"Exif\0\0"
_XMP_HEAD = b"http://ns.adobe.com/xap/1.0/\0"
_PROFILE_HEAD = b"ICC_PROFILE\0"
_SEVERAL_HEAD = b"MPF\0"


class Sayings(NamedTuple):
    """What a file says about its picture."""

    exif: bytes | None = None
    xmp: bytes = b""
    profile: bytes | None = None
    """The colour profile; empty if it is there, but cannot be put together."""
    several: bool = False
    """Whether further pictures follow."""


def split_jpeg(content: bytes) -> tuple[bytes, Sayings] | None:
    """Part a JPEG into the file without metadata and what that said.

    The decoder skips these segments, so the pixels are the same; Pillow would follow what they
    point to as it opens the file. As there, what is no marker between two segments is skipped.

    Returns:
        None if there is no scan, or the file is no JPEG.
    """
    if not content.startswith(_JPEG):
        return None
    kept, exif, xmp, several = [_JPEG], b"", b"", False
    pieces: list[bytes] = []
    for marker, start, end in _segments(content):
        if marker == _SCAN:
            kept.append(content[start:])
            profile = _join_profile(pieces) if pieces else None
            return b"".join(kept), Sayings(exif or None, xmp, profile, several)
        if marker not in _SEGMENTS_NEEDLESS:
            kept.append(content[start:end])
            continue
        said = content[start + 4 : end]
        if marker == _APP1 and said.startswith(EXIF_HEAD):
            exif += said[len(EXIF_HEAD) :] if exif else said
        elif marker == _APP1 and said.startswith(_XMP_HEAD):
            xmp = said[len(_XMP_HEAD) :]
        elif marker == _APP2 and said.startswith(_PROFILE_HEAD):
            pieces.append(said[len(_PROFILE_HEAD) :])
        elif marker == _APP2 and said.startswith(_SEVERAL_HEAD):
            several = True
    return None


def _segments(content: bytes) -> Iterator[tuple[int, int, int]]:
    """Yield marker, first byte and end of each segment up to the scan."""
    at = len(_JPEG)
    for _ in range(_MOST_PARTS):
        at = content.find(b"\xff", at)
        if not 0 <= at < len(content) - 4:
            return
        marker = content[at + 1]
        if marker in (0x00, 0xFF):
            at += 1
            continue
        end = at + 2
        if marker not in _ALONE:
            end += int.from_bytes(content[at + 2 : at + 4])
        yield marker, at, end
        at = end


def _join_profile(pieces: list[bytes]) -> bytes:
    """Join numbered pieces; empty if some are missing."""
    ordered = sorted(pieces)
    if any(len(piece) < 2 or piece[1] != len(pieces) for piece in pieces):
        return b""
    return b"".join(piece[2:] for piece in ordered)


def bare_png(content: bytes) -> bytes | None:
    """A PNG without the chunks that its pixels do not depend on; EXIF stays if it is whole.

    Returns:
        None if the file is no PNG, has nothing to take out, or chunks that do not follow one
        another as they should.
    """
    if not content.startswith(_PNG):
        return None
    kept, at = [_PNG], len(_PNG)
    for _ in range(_MOST_PARTS):
        if at + _CHUNK > len(content):
            return None
        (length,) = struct.unpack_from(">I", content, at)
        end, name = at + _CHUNK + length, content[at + 4 : at + 8]
        if end > len(content) or not name.isalpha():
            return None
        if name in _CHUNKS_NEEDED or (name == _EXIF_CHUNK and _whole(content[at + 4 : end])):
            kept.append(content[at:end])
        at = end
        if name == b"IEND":
            bare = b"".join(kept)
            return bare if len(bare) < len(content) else None
    return None


def _whole(chunk: bytes) -> bool:
    """Whether name and content of a chunk fit the checksum behind them."""
    return zlib.crc32(chunk[:-4]) == int.from_bytes(chunk[-4:])
