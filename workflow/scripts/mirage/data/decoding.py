"""Decoding: one image file to uint8 pixels, with whatever is odd about it made plain."""

from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import xxhash

from mirage.data import containers, conversion, limits, metadata
from mirage.data.conversion import Undefined
from mirage.data.limits import TooCostly
from mirage.data.metadata import Orientation
from mirage.data.opening import Irregular, read_regular
from mirage.errors import MirageError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray
    from PIL import Image

    Pixels = NDArray[np.uint8]

# What photographs come in. Other formats Pillow knows can run programs or embed documents.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM", "TIFF", "WEBP")
_JPEG_END = b"\xff\xd9"


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
    try:
        content = read_regular(path, limits.MOST_FILE_BYTES)
    except Irregular as problem:
        raise UnreadableImage(str(problem)) from problem
    except OSError as error:
        raise MirageError(f"{path} cannot be read ({error.strerror})") from error
    if not content:
        raise UnreadableImage("the file is empty")
    try:
        return _decode(content, channels)
    except (TooCostly, Undefined, UnreadableImage) as problem:
        raise UnreadableImage(str(problem)) from problem
    except MemoryError:
        raise
    except Exception as error:  # damaged files make the decoders raise nearly anything
        bare = containers.bare_png(content)
        if bare is not None:
            return _rescued(bare, channels, _plain_reason(error, content))
        raise UnreadableImage(_plain_reason(error, content)) from error


def _rescued(bare: bytes, channels: int, reason: str) -> Decoded:
    """Decode what is left without metadata; if that fails too, they were not to blame."""
    try:
        pixels, handled = _decode(bare, channels)
    except MemoryError:
        raise
    except Exception as error:
        raise UnreadableImage(reason) from error
    return Decoded(pixels, (metadata.DAMAGED_PARTS, *handled))


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
        odd = tuple(conversion.oddities(image, bits, channels))
        if image.format == "TIFF":  # its directory is EXIF; Pillow turns it while it loads
            lies = metadata.judge(image.getexif().get(metadata.ORIENTATION))
            planes = conversion.to_planes(image, bits, channels)
        else:
            lies = metadata.orientation(said or metadata.sayings_of(image))
            planes = conversion.to_planes(image, bits, channels)
        several = said.several if said else _has_more_frames(image)
    if image.format != "TIFF":
        planes = conversion.turn(planes, lies.value)
    return Decoded(planes, (*_told(lies, several), *odd))


def _has_more_frames(image: "Image.Image") -> bool:
    """Whether other frames follow; asked last, since a damaged one upsets the first."""
    try:
        return bool(getattr(image, "is_animated", False))
    except TooCostly:
        raise
    except Exception:  # whatever a damaged second frame makes the decoder raise
        return True


def _told(lies: Orientation, several: bool) -> "Iterable[str]":
    if lies.value != 1:
        yield "turned upright as EXIF says"
    if several:
        yield "first frame of several"
    yield from lies.faults


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
