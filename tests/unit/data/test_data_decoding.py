"""Decoding of odd files, each made here with Pillow."""

import numpy as np
import pytest
from mirage.data.decoding import UnreadableImage, decode_file, find_duplicates, pixel_hash
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
    ],
)
def test_unusable_files_have_a_reason(tmp_path, make, reason, channels):
    make(tmp_path / "a.bin")
    with pytest.raises(UnreadableImage, match=reason) as caught:
        decode_file(tmp_path / "a.bin", channels)
    assert str(caught.value).strip()
    assert str(tmp_path) not in str(caught.value)


def test_a_failing_disk_is_no_broken_image(tmp_path):
    with pytest.raises(MirageError, match="cannot be read"):
        decode_file(tmp_path / "gone.png", 1)


def test_duplicates_need_equal_pixels_and_shape():
    assert pixel_hash(np.zeros((1, 2, 3), np.uint8)) != pixel_hash(np.zeros((1, 3, 2), np.uint8))
    found = find_duplicates([("a/1", "a", "x"), ("b/1", "b", "y"), ("a/2", "a", "x"),
                             ("c/1", "c", "y"), ("c/2", "c", "z")])  # fmt: skip
    assert [(d.names, d.identities) for d in found] == [
        (("a/1", "a/2"), ("a",)),
        (("b/1", "c/1"), ("b", "c")),
    ]
