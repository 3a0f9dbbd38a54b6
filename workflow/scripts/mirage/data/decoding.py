"""Decoding: one image file to uint8 pixels, with whatever is odd about it made plain."""

import io
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import xxhash

from mirage.errors import MirageError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image, ImageFile

    Pixels = NDArray[np.uint8]

_ORIENTATION = 0x0112  # EXIF tag; 1 is upright
_PNG_DEPTH = 24  # place of the bit depth in a PNG file: signature, length, IHDR, width, height
_TIFF_BITS, _TIFF_ZERO = 258, 262  # TIFF tags: BitsPerSample, and what 0 stands for
_WHITE = 0
# What photographs come in. Other formats Pillow knows can run programs or embed documents.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM", "TIFF", "WEBP")


class UnreadableImage(Exception):  # noqa: N818 - a finding about the data, kept as a Problem
    """The file's content is no image we can use; the text is the reason."""


class Problem(NamedTuple):
    """A photograph that cannot be used, and why."""

    name: str
    reason: str


class Decoded(NamedTuple):
    """One photograph as pixels."""

    pixels: "Pixels"
    """uint8 [channels, H, W], contiguous."""
    handled: tuple[str, ...]
    """What was odd about the file and how it was met; empty for a plain photograph."""


class Duplicate(NamedTuple):
    """Photographs with the very same pixels, in the data set's order."""

    names: tuple[str, ...]
    identities: tuple[str, ...]
    """The different identities among them, in order of appearance."""


def decode_file(path: "Path", channels: int) -> Decoded:
    """Decode one image file.

    EXIF orientation is applied (the official code does so in CelebA's crops only, and shows
    FaceScrub's as they are stored); of an animation the first frame is taken. Grey is the
    ITU-R 601 luma of RGB. Transparent pixels are laid over white: Pillow's own conversion would
    show whatever colour lies hidden under them (the official code converts that way; opaque images
    come out the same).

    More than 8 bits are made 8. Grey is scaled by its largest possible value and rounded. Of PNG
    and TIFF with colour or an alpha channel Pillow gives the upper byte of each value only: at most
    one level away from the scaled one.

    Args:
        path: the file.
        channels: 1 for grey, 3 for RGB.

    Returns:
        The pixels, and what was handled.

    Raises:
        UnreadableImage: empty, truncated, no image, or of a kind without a defined range.
        MirageError: the file cannot be read from the disk, which is no fault of its content and
            must not make a photograph drop out of the data set.
    """
    from PIL import Image, ImageOps

    try:
        content = path.read_bytes()
    except OSError as error:
        raise MirageError(f"{path} cannot be read ({error.strerror})") from error
    if not content:
        raise UnreadableImage("the file is empty")
    try:
        with Image.open(io.BytesIO(content), formats=_FORMATS) as image:
            bits = _bits(image, content)
            _refuse_undefined(image, bits)
            handled = tuple(_oddities(image, bits, channels))
            upright = ImageOps.exif_transpose(image)
            pixels = np.asarray(_to_channels(upright, bits, channels))
    except (UnreadableImage, MemoryError):
        raise
    except Exception as error:  # damaged files make the decoders raise nearly anything
        raise UnreadableImage(_plain_reason(error, content)) from error
    planes = pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)
    return Decoded(np.ascontiguousarray(planes), handled)


def _plain_reason(error: Exception, content: bytes) -> str:
    from PIL import UnidentifiedImageError

    if not isinstance(error, UnidentifiedImageError):
        return f"{type(error).__name__}: {error}"
    if content.lstrip()[:1] == b"<":
        return "a web page, no image"
    if not content.strip(b"\0"):
        return "nothing but zero bytes"
    return f"no image in {', '.join(_FORMATS)}"


def _bits(image: "ImageFile.ImageFile", content: bytes) -> int:
    """Bits of one value as the file states them; Pillow narrows some before they are seen."""
    if image.format == "PNG":
        return content[_PNG_DEPTH]
    if image.format == "TIFF":
        return int(max(_tags(image).get(_TIFF_BITS, (1,))))
    if image.format == "PPM":
        settings = image.tile[0].args  # of the decoder; a pair ends with the largest value
        deep = isinstance(settings, tuple) and settings[1] > 255
        return 16 if deep or image.mode == "I" else 8
    return 8


def _tags(image: "Image.Image") -> "Mapping[int, Any]":
    return getattr(image, "tag_v2", {})


def _refuse_undefined(image: "Image.Image", bits: int) -> None:
    """Refuse what has no defined range, or a meaning that is lost on the way through Pillow.

    Raises:
        UnreadableImage: the reason.
    """
    if image.mode == "F":
        raise UnreadableImage("floating-point pixels have no defined range")
    if bits > 16:
        raise UnreadableImage(f"{bits}-bit pixels have no defined range")
    if image.mode == "I" and image.format == "TIFF":
        raise UnreadableImage("signed pixels have no defined range")
    if image.mode == "I;16" and _tags(image).get(_TIFF_ZERO) == _WHITE:
        raise UnreadableImage("16-bit grey that counts from white is not supported")
    if image.mode == "RGB" and bits > 8 and "transparency" in image.info:
        raise UnreadableImage("one transparent colour among 16-bit ones is not supported")


def _oddities(image: "Image.Image", bits: int, channels: int) -> Iterator[str]:
    if image.getexif().get(_ORIENTATION, 1) != 1:
        yield "turned upright as EXIF says"
    if getattr(image, "is_animated", False):
        yield "first frame of several"
    if bits > 8:
        yield f"{bits} bits made 8"
    if image.mode == "CMYK":
        yield "CMYK made RGB"
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        yield "transparency laid over white"
    if channels > 1 and image.mode in ("1", "L", "LA", "I", "I;16"):
        yield "grey made RGB"


def _to_channels(image: "Image.Image", bits: int, channels: int) -> "Image.Image":
    from PIL import Image

    if image.mode.startswith("I"):
        image = _to_8_bits(image, bits)
    if image.mode == "L" and "transparency" in image.info:
        # Pillow scales shallow grey to 8 bits, but not the value that is transparent.
        image.info["transparency"] = image.info["transparency"] * 255 // (2 ** min(bits, 8) - 1)
    if image.mode in ("PA", "LA") or "transparency" in image.info:
        image = image.convert("RGBA")
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, "white")
        image = Image.alpha_composite(white, image).convert("RGB")
    if channels == 1 and image.mode not in ("1", "L"):
        image = image.convert("RGB")
    return image.convert("L" if channels == 1 else "RGB")


def _to_8_bits(image: "Image.Image", bits: int) -> "Image.Image":
    """Scale deep grey; its transparent value, if any, becomes white while it can be told."""
    from PIL import Image

    deep, most = np.asarray(image).astype(np.int64), 2**bits - 1
    shallow = ((deep * 255 + most // 2) // most).astype(np.uint8)
    if "transparency" in image.info:
        shallow[deep == image.info["transparency"]] = 255
    return Image.fromarray(shallow)


def pixel_hash(pixels: "Pixels") -> str:
    """Hash decoded pixels together with their shape: 32 hexadecimal characters.

    XXH3 of 128 bits finds damage and equals at the speed of memory, where a cryptographic hash
    takes half as long as decoding. Nothing trusts it against somebody who wants a collision.
    """
    digest = xxhash.xxh3_128(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()


def find_duplicates(photos: Iterable[tuple[str, str, str]]) -> list[Duplicate]:
    """Find photographs with the same pixels.

    Args:
        photos: (name, identity, pixel hash) of each photograph.

    Returns:
        One entry per set of equals, in order of first appearance.
    """
    equals: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for name, identity, pixels in photos:
        equals[pixels].append((name, identity))
    return [
        Duplicate(
            tuple(name for name, _ in group),
            tuple(dict.fromkeys(identity for _, identity in group)),
        )
        for group in equals.values()
        if len(group) > 1
    ]
