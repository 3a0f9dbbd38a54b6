"""What a picture says about itself beside its pixels, read so that no fault in it costs them."""

import re
import struct
from typing import TYPE_CHECKING, NamedTuple

from mirage.data.containers import EXIF_HEAD, Sayings

if TYPE_CHECKING:
    from PIL import Image

ORIENTATION = 0x0112
"""EXIF's tag, and TIFF's."""
_WHOLE = {3: "H", 4: "I"}  # EXIF's kinds of a whole number: struct's letter
_ENTRY = 12  # bytes
_XMP = re.compile(rb'tiff:Orientation(="|>)([0-9])')

DAMAGED_EXIF = "damaged EXIF passed over"
MEANINGLESS = "EXIF orientation without a meaning passed over"
DAMAGED_PROFILE = "damaged colour profile passed over"
DAMAGED_PARTS = "damaged metadata taken out"


class Orientation(NamedTuple):
    """How a picture lies."""

    value: int
    """EXIF's number, in [1, 8]; 1 is upright, and what is taken where nothing usable stands."""
    faults: tuple[str, ...]
    """What was wrong with the metadata; empty for sound ones."""


def sayings_of(image: "Image.Image") -> Sayings:
    """What Pillow found in a PNG, WebP or GIF, unread."""
    exif = image.info.get("exif")
    if exif is None and "Raw profile type exif" in image.info:
        exif = _from_hexadecimal(image.info["Raw profile type exif"])
    xmp = image.info.get("XML:com.adobe.xmp") or image.info.get("xmp") or b""
    profile = (image.info["icc_profile"] or b"") if "icc_profile" in image.info else None
    return Sayings(exif, xmp.encode() if isinstance(xmp, str) else xmp, profile)


def orientation(said: Sayings) -> Orientation:
    """Read EXIF's orientation, or else XMP's, and name what is damaged.

    EXIF is read here, not by Pillow, which fails on a damaged block and keeps all that it points
    to. As there, the last of several orientations counts, and XMP is asked where EXIF has none.
    """
    faults = []
    if said.profile is not None and not _sound_profile(said.profile):
        faults.append(DAMAGED_PROFILE)
    found: int | None = None
    if said.exif is not None:
        found, damaged = _from_exif(said.exif)
        faults += [DAMAGED_EXIF] if damaged else []
    if found is None:
        match = _XMP.search(said.xmp)
        found = int(match[2]) if match else None
    return judge(found, tuple(faults))


def judge(found: object, faults: tuple[str, ...] = ()) -> Orientation:
    """Take what stands as the orientation; None is nothing, what means nothing is a fault."""
    if found is None:
        return Orientation(1, faults)
    if isinstance(found, int) and 1 <= found <= 8:
        return Orientation(found, faults)
    return Orientation(1, (*faults, MEANINGLESS))


def _from_exif(block: bytes) -> tuple[int | None, bool]:
    """The orientation in an EXIF block (None: there is none), and whether it is damaged."""
    while block.startswith(EXIF_HEAD):
        block = block[len(EXIF_HEAD) :]
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(block[:4])
    if order is None or len(block) < 8:
        return None, True
    (start,) = struct.unpack_from(f"{order}I", block, 4)
    if start + 2 > len(block):
        return None, True
    (count,) = struct.unpack_from(f"{order}H", block, start)
    first, found = start + 2, None
    whole = min(count, (len(block) - first) // _ENTRY)
    damaged = whole < count
    for at in range(first, first + whole * _ENTRY, _ENTRY):
        tag, kind, number = struct.unpack_from(f"{order}HHI", block, at)
        if tag == ORIENTATION and found is None:
            usable = kind in _WHOLE and number == 1
            found = struct.unpack_from(f"{order}{_WHOLE[kind]}", block, at + 8)[0] if usable else 0
        elif number > len(block):  # every kind takes at least a byte
            damaged = True
    return found, damaged


def _from_hexadecimal(text: str) -> bytes:
    try:
        return bytes.fromhex("".join(text.split("\n")[3:]))
    except ValueError:
        return b""  # no EXIF block, so a damaged one


def _sound_profile(profile: bytes) -> bool:
    """Whether it is a colour profile of the length it states; nobody here or in the paper uses it.

    Source: ICC.1, the header of a profile.
    """
    return profile[36:40] == b"acsp" and int.from_bytes(profile[:4]) == len(profile)
