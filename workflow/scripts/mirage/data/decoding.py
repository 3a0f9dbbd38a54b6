"""Decoding: one image file to uint8 pixels, with whatever is odd about it made plain."""

import os
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xxhash

from mirage.data import containers, conversion, limits, metadata
from mirage.data.limits import UnreadableImage
from mirage.errors import MirageError
from mirage.runtime.regular import IrregularError, opened

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image

    Pixels = NDArray[np.uint8]

# What photographs come in. Other formats Pillow knows can run programs or embed documents.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM", "TIFF", "WEBP")
_JPEG_END = b"\xff\xd9"


class Decoded(NamedTuple):
    """One photograph as pixels."""

    pixels: "Pixels"
    """uint8 [channels, H, W], contiguous."""
    handled: tuple[str, ...]
    """What was odd about the file and how it was met; empty for a plain photograph."""


def decode_file(path: "Path", channels: int) -> Decoded:
    """Decode one image file.

    Pixels come first: damaged metadata are passed over and named, never a reason to lose a
    photograph. EXIF orientation is applied; of an animation the first frame is taken. Grey is the
    ITU-R 601 luma of RGB. Transparent pixels are laid over white: Pillow's own conversion would
    show whatever colour lies hidden under them (quirk stored-orientation).

    More than 8 bits are made 8. Grey is scaled by its largest possible value and rounded. Of PNG
    and TIFF with colour or an alpha channel Pillow gives the upper byte of each value only: at most
    one level away from the scaled one.

    Args:
        path: the file.
        channels: 1 for grey, 3 for RGB.

    Returns:
        The pixels, and what was handled.

    Raises:
        UnreadableImage: empty, truncated, no image, of a kind without a defined range, no regular
            file, or more than one picture may take (``limits``).
        MirageError: the file cannot be read from the disk, which is no fault of its content and
            must not make a photograph drop out of the data set.
    """
    return decode(_content(path), channels)


def decode(content: bytes, channels: int) -> Decoded:
    """Decode the content of an image file, as ``decode_file`` does.

    Raises:
        UnreadableImage: the same.
    """
    try:
        return _decode(content, channels)
    except (UnreadableImage, MemoryError):
        raise
    except Exception as error:  # damaged files make the decoders raise nearly anything
        reason = _plain_reason(error, content)
        bare = containers.bare_png(content)
        if bare is None:
            raise UnreadableImage(reason) from error
    try:
        pixels, handled = _decode(bare, channels)
    except MemoryError:
        raise
    except Exception as error:  # the metadata were not to blame
        raise UnreadableImage(reason) from error
    return Decoded(pixels, (metadata.DAMAGED_PARTS, *handled))


def _content(path: "Path") -> bytes:
    most = limits.MOST_FILE_BYTES
    try:
        with opened(path, missing="unpack the archive again") as file:
            size = os.fstat(file.fileno()).st_size
            content = file.read(most + 1) if size <= most else b""
    except IrregularError as problem:
        raise UnreadableImage(f"{problem.kind}, no regular file") from problem
    except OSError as error:
        raise MirageError(f"{path} cannot be read ({error.strerror})") from error
    if max(size, len(content)) > most:
        raise UnreadableImage(f"{size:,} bytes, more than the {most:,} that are read")
    if not content:
        raise UnreadableImage("the file is empty")
    return content


def _decode(content: bytes, channels: int) -> Decoded:
    from PIL import Image

    limits.refuse_unopened(content)
    said = None
    parted = containers.split_jpeg(content)
    if parted is not None:
        content, said = parted
        if _JPEG_END not in content:
            raise UnreadableImage("image file is truncated")
    source = limits.Source(content)
    with Image.open(source, formats=_FORMATS) as image:
        limits.refuse_undecoded(image, source, content)
        bits = conversion.bits_of(image, content)
        conversion.refuse_undefined(image, bits)
        odd = list(conversion.oddities(image, bits, channels))
        if image.format == "TIFF":  # its directory is EXIF; Pillow turns it while it loads
            lies = metadata.judge(image.getexif().get(metadata.ORIENTATION))
            planes = conversion.to_planes(image, bits, channels)
        else:
            lies = metadata.orientation(said or metadata.sayings_of(image))
            planes = conversion.turn(conversion.to_planes(image, bits, channels), lies.value)
        several = said.several if said else _has_more_frames(image)
    turned = ["turned upright as EXIF says"] if lies.value != 1 else []
    frames = ["first frame of several"] if several else []
    return Decoded(planes, (*turned, *frames, *lies.faults, *odd))


def _has_more_frames(image: "Image.Image") -> bool:
    """Whether other frames follow; asked last, since a damaged one upsets the first."""
    try:
        return bool(getattr(image, "is_animated", False))
    except UnreadableImage:  # it costs too much
        raise
    except Exception:  # whatever a damaged second frame makes the decoder raise
        return True


def _plain_reason(error: Exception, content: bytes) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, Image.DecompressionBombError):
        return "many times the pixels that one picture may have"
    if not isinstance(error, UnidentifiedImageError):
        return f"{type(error).__name__}: {error}"
    if content[:1024].lstrip()[:1] == b"<":
        return "a web page, no image"
    if content.count(0) == len(content):
        return "nothing but zero bytes"
    return f"no image in {', '.join(_FORMATS)}"


def pixel_hash(pixels: "Pixels") -> str:
    """Hash decoded pixels together with their shape: 32 hexadecimal characters.

    XXH3 of 128 bits finds damage and equals at the speed of memory, where a cryptographic hash
    takes half as long as decoding. Nothing trusts it against somebody who wants a collision.
    """
    digest = xxhash.xxh3_128(repr(pixels.shape).encode())
    digest.update(np.ascontiguousarray(pixels).data)
    return digest.hexdigest()
