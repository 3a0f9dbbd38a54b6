"""Small files that ask for a whole machine, made by hand."""

import io
import os
import socket
import struct
import zlib

import numpy as np
from PIL import Image

SIDE = 13_300


def _chunk(name, data):
    checksum = zlib.crc32(name + data)
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", checksum)


def _png(side, bits, colour, before=b""):
    """A PNG that claims ``side`` x ``side`` pixels and holds some rows of zeros."""
    heading = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, bits, colour, 0, 0, 0))
    rows = _chunk(b"IDAT", zlib.compress(bytes(1_000_000)))
    return b"\x89PNG\r\n\x1a\n" + heading + before + rows + _chunk(b"IEND", b"")


def _directory(entries, at, order="<"):
    """A TIFF directory of (tag, kind, count, value) that lies at byte ``at``."""
    lines = b"".join(struct.pack(f"{order}HHII", *entry) for entry in entries)
    return struct.pack(f"{order}H", len(entries)) + lines + bytes(4)


def _tiff(side, more=(), tail=b""):
    entries = [(256, 4, 1, side), (257, 4, 1, side), (258, 3, 1, 8), (259, 3, 1, 1),
               (262, 3, 1, 1), (273, 4, 1, 8), (277, 3, 1, 1), (278, 4, 1, side),
               (279, 4, 1, side * side)]  # fmt: skip
    return b"II*\0" + struct.pack("<I", 8) + _directory([*entries, *more], 8) + tail


def jpeg(**options):
    """A small photograph of noise."""
    file = io.BytesIO()
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(file, "JPEG", **options)
    return file.getvalue()


def _claiming_jpeg(side):
    """A JPEG whose frame claims ``side`` x ``side`` pixels."""
    content = bytearray(jpeg(progressive=True))
    frame = content.index(b"\xff\xc2")
    content[frame + 5 : frame + 9] = struct.pack(">HH", side, side)
    return bytes(content)


def _many_scans(side, scans):
    """A progressive JPEG of real size whose last scan comes again and again."""
    file = io.BytesIO()
    Image.new("L", (side, side)).save(file, "JPEG", progressive=True)
    content = file.getvalue()
    last = content.rindex(b"\xff\xda")
    return content[:last] + content[last:-2] * scans + content[-2:]


def _pointing_exif():
    """A JPEG with 5,000 EXIF entries that all point to the same 60,000 bytes."""
    entries = [(40_000 + i, 7, 60_000, 8) for i in range(5_000)]
    block = b"Exif\0\0II*\0" + struct.pack("<I", 8) + _directory(entries, 8)
    block = block.ljust(65_000, b"\0")
    content = jpeg()
    return content[:2] + b"\xff\xe1" + struct.pack(">H", len(block) + 2) + block + content[2:]


def _webp(kind, data):
    body = b"WEBP" + kind + struct.pack("<I", len(data)) + data
    return b"RIFF" + struct.pack("<I", len(body)) + body


def _big_endian_24(number):
    return number.to_bytes(3, "little")


COSTLY = {
    "deep.png": lambda: _png(SIDE, 16, 0),
    "alpha.png": lambda: _png(SIDE, 8, 6),
    "deep-alpha.png": lambda: _png(SIDE, 16, 6),
    "bilevel.png": lambda: _png(100_000, 1, 0),
    "unbacked.png": lambda: _png(6_000, 8, 2),
    "chunks.png": lambda: _png(8, 8, 0, _chunk(b"prVt", b"") * 1_000_000),
    "canvas.webp": lambda: _webp(
        b"VP8X", bytes(4) + _big_endian_24(16_383) + _big_endian_24(16_383) + bytes(40)
    ),
    "open.webp": lambda: _webp(
        b"VP8X", bytes(4) + _big_endian_24(8_999) + _big_endian_24(8_999) + bytes(40)
    ),  # less than Pillow itself refuses
    "lossless.webp": lambda: _webp(b"VP8L", b"\x2f" + b"\xff\xff\xff\x0f" + bytes(40)),
    "lossy.webp": lambda: _webp(b"VP8 ", bytes(3) + b"\x9d\x01\x2a\xff\x3f\xff\x3f" + bytes(40)),
    "screen.gif": lambda: b"GIF89a" + struct.pack("<HH", SIDE, SIDE) + bytes([0x80, 0, 0])
    + bytes(6) + b"," + struct.pack("<HHHH", 0, 0, SIDE, SIDE) + bytes([0, 2, 1, 0, 0]) + b";",
    "blocks.gif": lambda: b"GIF89a" + struct.pack("<HH", 4, 4) + bytes(3)
    + b"!\xfe" + b"\x01x" * 5_000_000 + b"\0;",
    "claim.bmp": lambda: b"BM" + struct.pack("<IIIIiiHHIIiiII", 60, 0, 54, 40, SIDE, SIDE, 1, 24,
                                             0, 0, 0, 0, 0, 0) + bytes(6),
    "claim.tif": lambda: _tiff(SIDE),
    "pointing.tif": lambda: _tiff(
        8, [(40_000 + i, 7, 20_000_000, 8) for i in range(200)], bytes(20_100_000)
    ),
    "claim.ppm": lambda: b"P6 %d %d 255\n" % (SIDE, SIDE) + bytes(1_000_000),
    "slow.ppm": lambda: b"P6 2000 2000 65535\n" + bytes(24_000_000),
    "plain.ppm": lambda: b"P3 1000 1000 255\n" + b"0 " * 3_000_000,
    "comments.pgm": lambda: b"P2 1000 1000 255\n" + b"#\n" * 5_000_000,
    "claim.jpg": lambda: _claiming_jpeg(60_000),
    "unbacked.jpg": lambda: _claiming_jpeg(5_000),
    "scans.jpg": lambda: _many_scans(2_000, 1_000),
    "fill.jpg": lambda: b"\xff\xd8" + b"\xff" * 20_000_000,
    "zeros.jpg": lambda: bytes(20_000_000),
}  # fmt: skip
"""Name -> makes its content; each is refused."""


def make_costly(folder):
    """Write all of them, a file larger than any photograph, and what is no file at all."""
    for name, make in COSTLY.items():
        (folder / name).write_bytes(make())
    with (folder / "huge.png").open("wb") as file:
        file.write(_png(8, 8, 0))
        file.truncate(5 << 30)  # sparse: takes no room on the disk
    os.mkfifo(folder / "pipe.jpg")
    (folder / "zero.jpg").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "socket.jpg"))


def pointing_exif():
    """Not refused: its pixels are sound."""
    return _pointing_exif()
