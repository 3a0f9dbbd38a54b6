"""Decoding of odd files, made here with Pillow or, where it cannot write them, by hand."""

import struct
import zlib

import numpy as np
import pytest
from mirage.data.decoding import decode_file, pixel_hash
from mirage.data.limits import UnreadableImage
from mirage.errors import MirageError
from PIL import Image

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (6, 4), dtype=np.uint8)
RGB = RNG.integers(0, 256, (6, 4, 3), dtype=np.uint8)


def _planes(image):
    return np.asarray(image).transpose(2, 0, 1)


def _saved(path, image, **options):
    image.save(path, **options)
    return path


def _png(path, colour, bits, rows, transparent=()):
    """Write a PNG with the values of each row as they are packed in the file."""

    def chunk(name, data):
        return (
            struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        )

    per_pixel = {0: 1, 2: 3, 4: 2, 6: 4}[colour]
    width = len(rows[0]) * 8 // (bits * per_pixel)
    heading = struct.pack(">IIBBBBB", width, len(rows), bits, colour, 0, 0, 0)
    clear = struct.pack(f">{len(transparent)}H", *transparent)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", heading)
        + (chunk(b"tRNS", clear) if transparent else b"")
        + chunk(b"IDAT", zlib.compress(b"".join(b"\0" + row for row in rows)))
        + chunk(b"IEND", b"")
    )
    return path


def _tiff(path, width, values, bits, samples=1, zero_is_black=1, kind=1):
    """Write a TIFF of one row; ``kind`` 1 is unsigned, 2 signed."""
    tags = {256: [width], 257: [1], 258: [bits] * samples, 259: [1],
            262: [2 if samples > 1 else zero_is_black], 273: [8], 277: [samples], 278: [1],
            279: [len(values)], 339: [kind] * samples}  # fmt: skip
    start = 8 + len(values)
    directory, far = struct.pack("<H", len(tags)), b""
    for tag, numbers in tags.items():
        data = struct.pack(f"<{len(numbers)}H", *numbers)
        if len(data) > 4:
            data, far = struct.pack("<I", start + 6 + 12 * len(tags) + len(far)), far + data
        directory += struct.pack("<HHI", tag, 3, len(numbers)) + data.ljust(4, b"\0")
    path.write_bytes(b"II*\0" + struct.pack("<I", start) + values + directory + bytes(4) + far)
    return path


def test_plain_grey_and_rgb(tmp_path):
    grey = _saved(tmp_path / "a.pgm", Image.fromarray(GREY))
    colour = _saved(tmp_path / "b.png", Image.fromarray(RGB))
    np.testing.assert_array_equal(decode_file(grey, 1).pixels, GREY[None])
    np.testing.assert_array_equal(decode_file(grey, 3).pixels, np.stack([GREY] * 3))
    np.testing.assert_array_equal(decode_file(colour, 3).pixels, _planes(RGB))
    luma = RGB.astype(float) @ [0.299, 0.587, 0.114]
    assert np.abs(decode_file(colour, 1).pixels[0] - luma).max() <= 1
    assert decode_file(colour, 3).pixels.flags.c_contiguous
    assert decode_file(colour, 3).pixels.dtype == np.uint8


@pytest.mark.parametrize(
    ("orientation", "upright"),
    [
        (1, lambda a: a),
        (2, lambda a: a[:, ::-1]),
        (3, lambda a: a[::-1, ::-1]),
        (4, lambda a: a[::-1]),
        (5, lambda a: a.T),
        (6, lambda a: np.rot90(a, -1)),
        (7, lambda a: np.rot90(a, 2).T),
        (8, lambda a: np.rot90(a)),
    ],
)
def test_exif_orientation(tmp_path, orientation, upright):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = _saved(tmp_path / "a.png", Image.fromarray(GREY), exif=exif)
    np.testing.assert_array_equal(decode_file(path, 1).pixels[0], upright(GREY))


def test_cmyk(tmp_path):
    inks = Image.new("CMYK", (3, 2), (255, 0, 0, 0))
    path = _saved(tmp_path / "a.tif", inks)
    np.testing.assert_array_equal(
        decode_file(path, 3).pixels, np.broadcast_to([[[0]], [[255]], [[255]]], (3, 2, 3))
    )
    jpeg = decode_file(_saved(tmp_path / "a.jpg", inks), 3).pixels.astype(int)
    assert np.abs(jpeg - [[[0]], [[255]], [[255]]]).max() <= 3
    assert decode_file(path, 1).pixels.shape == (1, 2, 3)


@pytest.mark.parametrize("suffix", ["png", "tif", "pgm"])
def test_16_bit_grey_is_scaled_not_cut(tmp_path, suffix):
    deep = np.array([[0, 128, 129, 257], [32768, 65535, 65406, 65407]], dtype=np.uint16)
    path = tmp_path / f"a.{suffix}"
    if suffix == "pgm":
        path.write_bytes(b"P5 4 2 65535\n" + deep.astype(">u2").tobytes())
    else:
        Image.fromarray(deep).save(path)
    expected = np.round(deep / 257).astype(int)
    np.testing.assert_array_equal(decode_file(path, 1).pixels[0], expected)
    np.testing.assert_array_equal(decode_file(path, 3).pixels, np.stack([expected] * 3))


EDGES = [0, 127, 128, 129, 256, 257, 32768, 60000, 65407, 65535]


@pytest.mark.parametrize("kind", ["png", "tiff", "ppm"])
def test_16_bit_colour_is_reported_and_at_most_one_level_off(tmp_path, kind):
    deep = np.array([EDGES, EDGES[::-1], [7] * len(EDGES)], dtype=np.uint16).T
    path = tmp_path / "a.bin"
    if kind == "png":
        _png(path, 2, 16, [deep.astype(">u2").tobytes()])
    elif kind == "tiff":
        _tiff(path, len(deep), deep.astype("<u2").tobytes(), 16, samples=3)
    else:
        path.write_bytes(b"P6 10 1 65535\n" + deep.astype(">u2").tobytes())
    found = decode_file(path, 3)
    assert found.handled == ("16 bits made 8",)
    off = found.pixels[:, 0].T - np.round(deep / 257)
    assert np.abs(off).max() <= 1
    if kind != "ppm":
        np.testing.assert_array_equal(found.pixels[:, 0].T, deep >> 8)


def test_the_upper_byte_is_at_most_one_level_off():
    every = np.arange(65536)
    assert np.abs((every >> 8) - np.round(every / 257)).max() == 1


def test_16_bit_grey_with_a_transparent_value(tmp_path):
    row = np.array([0, 1000, 1001, 65535], dtype=">u2").tobytes()
    found = decode_file(_png(tmp_path / "a.png", 0, 16, [row], transparent=[1000]), 1)
    assert found.handled == ("16 bits made 8", "transparency laid over white")
    assert found.pixels[0, 0].tolist() == [0, 255, 4, 255]


def test_16_bit_grey_with_alpha(tmp_path):
    row = np.array([[0, 0], [0, 65535], [65535, 65535]], dtype=">u2").tobytes()
    found = decode_file(_png(tmp_path / "a.png", 4, 16, [row]), 1)
    assert found.handled == ("16 bits made 8", "transparency laid over white")
    assert found.pixels[0, 0].tolist() == [255, 0, 255]


@pytest.mark.parametrize(
    ("bits", "row", "transparent", "expected"),
    [
        (1, b"\x40", 1, [0, 255, 0, 0, 0, 0, 0, 0]),
        (2, b"\x1b", 1, [0, 255, 170, 255]),
        (4, b"\x05\xaf", 5, [0, 255, 170, 255]),
        (8, b"\x00\x05\xaf\xff", 5, [0, 255, 175, 255]),
    ],
)
def test_shallow_grey_with_a_transparent_value(tmp_path, bits, row, transparent, expected):
    path = _png(tmp_path / "a.png", 0, bits, [row], transparent=[transparent])
    found = decode_file(path, 1)
    assert found.handled == ("transparency laid over white",)
    assert found.pixels[0, 0].tolist() == expected


def test_12_bit_grey_is_scaled_by_its_own_range(tmp_path):
    packed = bytes.fromhex("000fff800001")  # 0, 4095, 2048, 1
    found = decode_file(_tiff(tmp_path / "a.tif", 4, packed, 12), 1)
    assert found.handled == ("12 bits made 8",)
    assert found.pixels[0, 0].tolist() == [0, 255, 128, 0]


def test_shallow_pgm_is_scaled(tmp_path):
    path = tmp_path / "a.pgm"
    path.write_bytes(b"P5 2 1 15\n\x00\x0f")
    assert decode_file(path, 1).pixels.tolist() == [[[0, 255]]]


def test_transparency_is_laid_over_white(tmp_path):
    pixels = np.array([[[10, 20, 30, 0], [10, 20, 30, 255], [0, 0, 0, 51]]], dtype=np.uint8)
    path = _saved(tmp_path / "a.png", Image.fromarray(pixels))
    assert decode_file(path, 3).pixels[:, 0].T.tolist() == [[255] * 3, [10, 20, 30], [204] * 3]
    assert decode_file(path, 1).pixels[0, 0].tolist() == [255, 18, 204]
    grey = _saved(tmp_path / "b.png", Image.fromarray(pixels[..., [0, 3]], "LA"))
    assert decode_file(grey, 1).pixels[0, 0].tolist() == [255, 10, 204]


def test_palette_with_and_without_transparency(tmp_path):
    image = Image.new("P", (2, 1))
    image.putpalette([200, 100, 50, 1, 2, 3])
    image.putdata([0, 1])
    plain = _saved(tmp_path / "a.gif", image)
    assert decode_file(plain, 3).pixels[:, 0].T.tolist() == [[200, 100, 50], [1, 2, 3]]
    holes = _saved(tmp_path / "b.png", image, transparency=0)
    assert decode_file(holes, 3).pixels[:, 0].T.tolist() == [[255, 255, 255], [1, 2, 3]]


def test_bilevel(tmp_path):
    path = _saved(tmp_path / "a.png", Image.fromarray(GREY).convert("1"))
    assert set(np.unique(decode_file(path, 1).pixels)) <= {0, 255}


def _truncated(path, suffix):
    whole = path.with_name(f"whole.{suffix}")
    Image.fromarray(RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(whole)
    path.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: path.touch(), "empty"),
        (lambda path: path.write_text("no image at all"), "no image in JPEG"),
        (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n"), None),
        (lambda path: _truncated(path, "jpg"), "truncated"),
        (lambda path: _truncated(path, "png"), None),
        (lambda path: _truncated(path, "ppm"), "truncated"),
        (lambda path: Image.new("F", (2, 2)).save(path, "tiff"), "floating-point"),
        (lambda path: Image.new("I", (2, 2), 70_000).save(path, "tiff"), "32-bit"),
        (lambda path: Image.new("I", (2, 2), 200).save(path, "tiff"), "32-bit"),
        (lambda path: _tiff(path, 2, bytes(4), 16, kind=2), "signed"),
        (lambda path: _tiff(path, 2, bytes(4), 16, zero_is_black=0), "counts from white"),
        (lambda path: _png(path, 2, 16, [bytes(12)], transparent=[0, 0, 0]), "one transparent"),
    ],
)
def test_unusable_files_have_a_reason(tmp_path, make, reason, channels):
    make(tmp_path / "a.bin")
    with pytest.raises(UnreadableImage, match=reason) as caught:
        decode_file(tmp_path / "a.bin", channels)
    assert str(caught.value).strip()
    assert str(tmp_path) not in str(caught.value)


def test_a_failing_disk_is_no_broken_image(tmp_path):
    with pytest.raises(MirageError, match="is missing"):
        decode_file(tmp_path / "gone.png", 1)


def test_pixels_of_another_shape_have_another_hash():
    assert pixel_hash(np.zeros((1, 2, 3), np.uint8)) != pixel_hash(np.zeros((1, 3, 2), np.uint8))
