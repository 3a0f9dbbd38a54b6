"""Damaged metadata: the pixels are those that the published loader reads, the damage is named."""

import io
import struct
import zlib

import numpy as np
import pytest
from mirage.data import metadata
from mirage.data.acceptance import check_store
from mirage.data.dataset import DatasetRecipe
from mirage.data.decoding import decode_file
from mirage.data.limits import UnreadableImage
from mirage.data.store import Store, prepare_store
from PIL import Image, ImageCms

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 16, 3), dtype=np.uint8)
TURNED = "turned upright as EXIF says"
PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def _published(path):
    """Pixels as torchvision's loader of image folders has them, [3, H, W]."""
    with path.open("rb") as file, Image.open(file) as image:
        return np.asarray(image.convert("RGB")).transpose(2, 0, 1)


def _saved(kind, **options):
    file = io.BytesIO()
    Image.fromarray(PIXELS).save(file, kind, **options)
    return file.getvalue()


def _segment(marker, data, stated=None):
    return bytes([0xFF, marker]) + struct.pack(">H", (stated or len(data)) + 2) + data


def _jpeg_with(*segments):
    plain = _saved("JPEG")
    return plain[:2] + b"".join(segments) + plain[2:]


def _tiff_block(entries, order="<", count=None):
    lines = b"".join(struct.pack(f"{order}HHI4s", *entry) for entry in entries)
    head = {"<": b"II*\0", ">": b"MM\0*"}[order] + struct.pack(f"{order}I", 8)
    return head + struct.pack(f"{order}H", count or len(entries)) + lines + bytes(4)


def _short(value, order="<"):
    return struct.pack(f"{order}H2x", value)


def _orientation(value, order="<"):
    return _tiff_block([(0x0112, 3, 1, _short(value, order))], order)


def _exif(block):
    return _segment(0xE1, b"Exif\0\0" + block)


def _xmp(value):
    return _segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + b'<x tiff:Orientation="%d"/>' % value)


def _chunk(name, data, checksum=None):
    right = zlib.crc32(name + data) if checksum is None else checksum
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", right)


def _png_with(*chunks, before=b"IDAT"):
    plain = _saved("PNG")
    at = plain.index(before) - 4
    return plain[:at] + b"".join(chunks) + plain[at:]


UNTURNED = {
    "no EXIF block": (_jpeg_with(_exif(b"garbage")), metadata.DAMAGED_EXIF),
    "empty EXIF": (_jpeg_with(_exif(b"")), metadata.DAMAGED_EXIF),
    "EXIF cut in its head": (_jpeg_with(_exif(b"II*\0\x08")), metadata.DAMAGED_EXIF),
    "EXIF begins outside": (_jpeg_with(_exif(b"II*\0\xff\xff\xff\xff")), metadata.DAMAGED_EXIF),
    "EXIF of more entries than bytes": (
        _jpeg_with(_exif(_tiff_block([(0x010F, 2, 4, b"abc\0")], count=9))),
        metadata.DAMAGED_EXIF,
    ),
    "EXIF entry longer than the block": (
        _jpeg_with(_exif(_tiff_block([(0x010F, 2, 9_999, bytes(4))]))),
        metadata.DAMAGED_EXIF,
    ),
    "orientation 0": (_jpeg_with(_exif(_orientation(0))), metadata.MEANINGLESS),
    "orientation 9": (_jpeg_with(_exif(_orientation(9))), metadata.MEANINGLESS),
    "orientation 65535": (_jpeg_with(_exif(_orientation(65_535))), metadata.MEANINGLESS),
    "orientation in words": (
        _jpeg_with(_exif(_tiff_block([(0x0112, 2, 4, b"6\0\0\0")]))),
        metadata.MEANINGLESS,
    ),
    "two orientations in one": (
        _jpeg_with(_exif(_tiff_block([(0x0112, 3, 2, b"\6\0\6\0")]))),
        metadata.MEANINGLESS,
    ),
    "orientation 9 in XMP": (_jpeg_with(_xmp(9)), metadata.MEANINGLESS),
    "profile of noise": (
        _jpeg_with(_segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(range(200)))),
        metadata.DAMAGED_PROFILE,
    ),
    "profile cut": (_saved("JPEG", icc_profile=PROFILE[:300]), metadata.DAMAGED_PROFILE),
    "profile that lacks a piece": (
        _jpeg_with(_segment(0xE2, b"ICC_PROFILE\0\1\2" + PROFILE)),
        metadata.DAMAGED_PROFILE,
    ),
    "damaged list of pictures": (_jpeg_with(_segment(0xE2, b"MPF\0" + bytes(9))), None),
    "segment shorter than it is": (_jpeg_with(_segment(0xED, b"Photoshop 3.0\0x", 5)), None),
    "empty segments": (_jpeg_with(*(_segment(0xE0 + n, b"") for n in range(16))), None),
    "PNG: EXIF of noise": (_png_with(_chunk(b"eXIf", b"noise")), metadata.DAMAGED_EXIF),
    "PNG: hexadecimal EXIF of noise": (
        _png_with(_chunk(b"tEXt", b"Raw profile type exif\0\nexif\n9\nzz")),
        metadata.DAMAGED_EXIF,
    ),
    "PNG: profile not compressed": (
        _png_with(_chunk(b"iCCP", b"a\0\0" + b"no zlib"), before=b"IDAT"),
        metadata.DAMAGED_PROFILE,
    ),
    "PNG: damaged text at the end": (
        _png_with(_chunk(b"tEXt", b"a\0b", checksum=1), before=b"IEND"),
        None,
    ),
    "WebP: EXIF of noise": (_saved("WEBP", exif=b"noise", lossless=True), metadata.DAMAGED_EXIF),
}


@pytest.mark.parametrize("name", list(UNTURNED))
def test_what_the_published_loader_reads_is_read(tmp_path, name):
    content, fault = UNTURNED[name]
    (tmp_path / "a").write_bytes(content)
    found = decode_file(tmp_path / "a", 3)
    np.testing.assert_array_equal(found.pixels, _published(tmp_path / "a"))
    told = [text for text in found.handled if text != "first frame of several"]
    assert told == ([fault] if fault else [])


RESCUED = {
    "text": _chunk(b"tEXt", b"a\0b", checksum=1),
    "compressed text": _chunk(b"zTXt", b"a\0\7no"),
    "text that grows": _chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(3_000_000))),
    "profile": _chunk(b"iCCP", b"a\0\0" + zlib.compress(PROFILE), checksum=1),
    "unknown compression": _chunk(b"iCCP", b"a\0\7" + PROFILE),
    "EXIF": _chunk(b"eXIf", _orientation(6), checksum=1),
    "resolution": _chunk(b"pHYs", b"\0"),
    "time": _chunk(b"tIME", bytes(7), checksum=1),
    "animation": _chunk(b"acTL", b"\0"),
}


@pytest.mark.parametrize("name", list(RESCUED))
def test_chunks_beside_the_pixels_cost_no_png(tmp_path, name):
    (tmp_path / "a.png").write_bytes(_png_with(RESCUED[name]))
    found = decode_file(tmp_path / "a.png", 3)
    np.testing.assert_array_equal(found.pixels, PIXELS.transpose(2, 0, 1))
    assert set(found.handled) <= {metadata.DAMAGED_PARTS}


def test_whole_exif_survives_a_damaged_neighbour(tmp_path):
    content = _png_with(_chunk(b"eXIf", _orientation(3)), RESCUED["text"])
    (tmp_path / "a.png").write_bytes(content)
    found = decode_file(tmp_path / "a.png", 3)
    assert found.handled == (metadata.DAMAGED_PARTS, TURNED)
    np.testing.assert_array_equal(found.pixels, PIXELS.transpose(2, 0, 1)[:, ::-1, ::-1])


@pytest.mark.parametrize("damaged", [b"IHDR", b"IDAT"])
def test_damaged_pixels_stay_damaged(tmp_path, damaged):
    content = bytearray(_png_with(RESCUED["text"]))
    content[content.index(damaged) + 6] ^= 0xFF
    (tmp_path / "a.png").write_bytes(bytes(content))
    with pytest.raises(UnreadableImage):
        decode_file(tmp_path / "a.png", 3)


@pytest.mark.parametrize(
    "content",
    [
        _jpeg_with(_exif(_orientation(3))),
        _jpeg_with(_exif(_orientation(3, ">"))),
        _jpeg_with(_exif(_orientation(3)[:20]), _exif(_orientation(3)[20:])),  # in two pieces
        _jpeg_with(_xmp(3)),
        _jpeg_with(_exif(_orientation(3)), _xmp(6)),
        _jpeg_with(_exif(_tiff_block([(0x0112, 3, 1, _short(3)), (0x0112, 3, 1, _short(6))]))),
        _jpeg_with(_exif(_tiff_block([(0x0112, 3, 1, _short(3)), (0x010F, 2, 99_999, bytes(4))]))),
    ],
)
def test_turned_is_what_is_turned(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    found = decode_file(tmp_path / "a", 3)
    assert found.handled[0] == TURNED
    np.testing.assert_array_equal(found.pixels, _published(tmp_path / "a")[:, ::-1, ::-1])


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "TIFF", "WEBP"])
@pytest.mark.parametrize("value", range(10))
def test_each_kind_of_file_is_turned_as_pillow_turns_it(tmp_path, kind, value):
    from PIL import ImageOps

    exif = Image.Exif()
    exif[0x0112] = value
    options = {"lossless": True} if kind == "WEBP" else {}
    (tmp_path / "a").write_bytes(_saved(kind, exif=exif, **options))
    found = decode_file(tmp_path / "a", 3)
    with Image.open(tmp_path / "a") as image:
        upright = np.asarray(ImageOps.exif_transpose(image).convert("RGB"))
    np.testing.assert_array_equal(found.pixels, upright.transpose(2, 0, 1))
    expected = [TURNED] if 2 <= value <= 8 else [] if value == 1 else [metadata.MEANINGLESS]
    assert list(found.handled) == expected


def test_sound_metadata_are_no_finding(tmp_path):
    exif = Image.Exif()
    exif[0x010F] = "a maker of cameras"
    for kind in ("JPEG", "PNG", "WEBP"):
        (tmp_path / kind).write_bytes(_saved(kind, exif=exif, icc_profile=PROFILE))
        assert decode_file(tmp_path / kind, 3).handled == ()


def test_faults_are_findings_and_the_split_is_the_published_one(photo_folder, tmp_path):
    split = {"rule": "published", "train_share": 0.5}
    values = {"reader": "folders", "source": str(photo_folder), "split": split}
    sound = prepare_store(DatasetRecipe.of(values), tmp_path / "sound")
    with Image.open(photo_folder / "bob" / "0.png") as image:
        image.load()
        image.save(photo_folder / "bob" / "0.png", exif=b"noise")
    for rule in ("stop", "skip"):
        recipe = DatasetRecipe.of(values | {"on_broken": rule})
        manifest = prepare_store(recipe, tmp_path / rule)
        assert manifest["files"] == sound["files"]  # the very same index
        texts = [finding.text for finding in check_store(Store(tmp_path / rule))]
        assert texts == [f"{metadata.DAMAGED_EXIF}: 1 photographs (bob/0.png)"]
