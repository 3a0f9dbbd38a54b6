"""From whatever a picture's values are to uint8 grey or RGB, a strip at a time."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from mirage.data.limits import UnreadableImage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from PIL import Image, ImageFile

    Pixels = NDArray[np.uint8]

_PNG_DEPTH = 24  # place of the bit depth in a PNG file: signature, length, IHDR, width, height
_TIFF_BITS, _TIFF_ZERO = 258, 262  # TIFF tags: BitsPerSample, and what 0 stands for
_WHITE = 0
_STRIP_PIXELS = 1 << 20  # what a strip's copies take is little beside a large picture

# EXIF's orientations: the axes exchanged or not, then height and width reversed or not.
_TURNS = {
    1: (False, False, False), 2: (False, False, True), 3: (False, True, True),
    4: (False, True, False), 5: (True, False, False), 6: (True, False, True),
    7: (True, True, True), 8: (True, True, False),
}  # fmt: skip


def bits_of(image: "ImageFile.ImageFile", content: bytes) -> int:
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


def refuse_undefined(image: "Image.Image", bits: int) -> None:
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


def oddities(image: "Image.Image", bits: int, channels: int) -> Iterator[str]:
    """Name what is odd about the values of a picture, and how ``to_planes`` meets it."""
    if bits > 8:
        yield f"{bits} bits made 8"
    if image.mode == "CMYK":
        yield "CMYK made RGB"
    if image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info:
        yield "transparency laid over white"
    if channels > 1 and image.mode in ("1", "L", "LA", "I", "I;16"):
        yield "grey made RGB"


def to_planes(image: "Image.Image", bits: int, channels: int) -> "Pixels":
    """Convert a picture to uint8 [channels, H, W].

    Strip by strip: whole copies in every format on the way would take several times the picture.
    """
    image.load()
    width, height = image.size
    planes = np.empty((channels, height, width), dtype=np.uint8)
    rows = max(1, _STRIP_PIXELS // width)
    for top in range(0, height, rows):
        end = min(top + rows, height)
        strip = image if rows >= height else image.crop((0, top, width, end))
        planes[:, top:end] = as_planes(_to_channels(strip, bits, channels))
    return planes


def as_picture(planes: "Pixels") -> "Image.Image":
    """Pillow's picture of [C, H, W], of one or three channels."""
    from PIL import Image

    grey = len(planes) == 1
    return Image.fromarray(planes[0] if grey else np.ascontiguousarray(planes.transpose(1, 2, 0)))


def as_planes(picture: "Image.Image") -> "Pixels":
    """[C, H, W] of a grey or RGB picture, contiguous."""
    values = np.asarray(picture)
    return np.ascontiguousarray(values[None] if values.ndim == 2 else values.transpose(2, 0, 1))


def turn(planes: "Pixels", orientation: int) -> "Pixels":
    """Turn [C, H, W] upright from one of EXIF's orientations; contiguous."""
    exchanged, upside_down, mirrored = _TURNS[orientation]
    if exchanged:
        planes = planes.swapaxes(1, 2)
    if upside_down:
        planes = planes[:, ::-1]
    if mirrored:
        planes = planes[:, :, ::-1]
    return np.ascontiguousarray(planes)


def _to_channels(image: "Image.Image", bits: int, channels: int) -> "Image.Image":
    from PIL import Image

    if image.mode.startswith("I"):
        image = _to_8_bits(image, bits)
    if image.mode == "L" and "transparency" in image.info:
        # Pillow scales shallow grey to 8 bits, but not the value that is transparent.
        clear = image.info["transparency"] * 255 // (2 ** min(bits, 8) - 1)
        image = image.copy()
        image.info["transparency"] = clear
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
