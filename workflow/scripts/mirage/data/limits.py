"""What one picture may take: bytes, pixels and steps, settled before anything is decoded.

Every limit counts, none is a clock: whether a photograph belongs to the data set must not depend
on the machine. All hold per picture, so per thread.
"""

import io
import struct
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import ImageFile

MOST_FILE_BYTES = 48 << 20
"""Size of one file; a photograph of 60 million pixels has about 20 MB."""
MOST_BYTES = 1 << 30
"""Memory of one picture while it is decoded. JPEG gets 82 million pixels of it, PNG 89: as many as
Pillow opens without a warning."""
_MOST_SLOW_PIXELS = 1 << 20  # where Pillow decodes in Python, a millionth of a second each
_SLOW = ("ppm", "ppm_plain", "bmp_rle")
_PLAIN = "ppm_plain"
_PIXELS_PER_BYTE = 1024  # far above any photograph; plain white JPEG has 170, plain PNG 340
_SMALL_PIXELS = 1 << 20  # needs no backing
_MOST_PASSES = 1 << 30  # pixels times scans of a progressive JPEG: 13 scans of the largest one
_SCAN = b"\xff\xda"
# Bytes per pixel at the most: Pillow keeps colour in 4 and our result in 3; TIFF and
# WebP decode into buffers of their own first, progressive JPEG into coefficients.
_BYTES_PER_PIXEL = {"WEBP": 24, "TIFF": 24, "JPEG": 13}
_USUAL_BYTES_PER_PIXEL = 12


class UnreadableImage(Exception):  # noqa: N818 - a finding about the data
    """The file's content is no image we can use; the text is the reason."""


class Source(io.BytesIO):
    """A file's bytes that may be read a bounded number of times.

    Pillow walks chunks, segments and directories in Python, and follows what they point to; a file
    of nothing but such would take minutes, or be read into memory a thousandfold.
    """

    def __init__(self, content: bytes) -> None:
        """Allow what reading it three times from end to end in small pieces takes."""
        super().__init__(content)
        self._reads = 20_000 + len(content) // 100
        self._bytes = 3 * len(content) + (1 << 20)

    def read(self, size: int | None = -1, /) -> bytes:
        """Read as usual.

        Raises:
            UnreadableImage: too often, or too much in all.
        """
        content = super().read(size)
        self._reads -= 1
        self._bytes -= len(content)
        if self._reads < 0 or self._bytes < 0:
            raise UnreadableImage("its parts are too many, or point at one another")
        return content

    def allow(self, reads: int) -> None:
        """Allow further reads."""
        self._reads += reads


def refuse_unopened(content: bytes) -> None:
    """Refuse what already opening would pay for: WebP makes its canvas then.

    Raises:
        UnreadableImage: more pixels than fit.
    """
    size = _webp_size(content[:30])
    if size is not None:
        _refuse_size(*size, "WEBP", len(content))


def refuse_undecoded(image: "ImageFile.ImageFile", source: Source, content: bytes) -> None:
    """Refuse an opened picture, nothing of which is decoded, that would take too much.

    Raises:
        UnreadableImage: says what is too much.
    """
    width, height = image.size
    _refuse_size(width, height, str(image.format), len(content))
    decoders = {tile[0] for tile in image.tile}
    if _PLAIN in decoders:
        raise UnreadableImage("plain-text PPM (P1 to P3) is not read; save it as a binary one")
    if not decoders.isdisjoint(_SLOW):
        if width * height > _MOST_SLOW_PIXELS:
            raise UnreadableImage(
                f"{width} x {height} pixels of a kind that decodes slowly, "
                f"more than {_MOST_SLOW_PIXELS:,}"
            )
        source.allow(4 * width * height)
    if image.format == "JPEG":
        scans = content.count(_SCAN)
        if scans * width * height > _MOST_PASSES:
            raise UnreadableImage(f"{scans} scans of {width} x {height} pixels")


def _refuse_size(width: int, height: int, kind: str, length: int) -> None:
    pixels, each = width * height, _BYTES_PER_PIXEL.get(kind, _USUAL_BYTES_PER_PIXEL)
    if pixels * each > MOST_BYTES:
        raise UnreadableImage(
            f"{width} x {height} pixels, more than the {MOST_BYTES // each:,} of one {kind} picture"
        )
    if pixels > max(_SMALL_PIXELS, _PIXELS_PER_BYTE * length):
        raise UnreadableImage(f"{width} x {height} pixels claimed by a file of {length:,} bytes")


def _webp_size(head: bytes) -> tuple[int, int] | None:
    """Width and height of a WebP file, as its three kinds state them; None if it is none."""
    if len(head) < 30 or head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return None
    kind = head[12:16]
    if kind == b"VP8X":
        width, height = (int.from_bytes(head[at : at + 3], "little") for at in (24, 27))
        return width + 1, height + 1
    if kind == b"VP8L":
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", head, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None
