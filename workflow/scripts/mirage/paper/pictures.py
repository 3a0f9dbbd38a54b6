"""Pictures inside a page: as data, no larger than a screen shows."""

import base64
import io
from pathlib import Path
from typing import TYPE_CHECKING

from mirage.runtime import files

if TYPE_CHECKING:
    from PIL import Image

WIDEST = 1600
"""Pixels; what is wider is scaled down."""
LARGEST = 350_000
"""Bytes of a PNG; what is larger becomes a JPEG, so that thirty pictures stay below 15 MB."""
_QUALITY = 85


def data_uri(path: str | Path) -> str:
    """A PNG file as a URI that holds it.

    Raises:
        MirageError: the file is missing or damaged.
    """
    content = files.sound(path).read_bytes()
    kind, content = _fitted(content)
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"


def _fitted(content: bytes) -> tuple[str, bytes]:
    """The picture as it is where it is small, else scaled and in the smaller format."""
    from PIL import Image

    with Image.open(io.BytesIO(content)) as opened:
        if opened.width <= WIDEST and len(content) <= LARGEST:
            return "png", content
        picture = opened.convert("RGBA")
    paper = Image.new("RGBA", picture.size, "white")
    flat = Image.alpha_composite(paper, picture).convert("RGB")
    if flat.width > WIDEST:
        height = max(round(flat.height * WIDEST / flat.width), 1)
        flat = flat.resize((WIDEST, height), Image.Resampling.LANCZOS)
    smaller = _written(flat, "png", optimize=True)
    if len(smaller) <= LARGEST:
        return "png", smaller
    return "jpeg", _written(flat, "jpeg", quality=_QUALITY)


def _written(picture: "Image.Image", kind: str, **options: int | bool) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **options)
    return buffer.getvalue()
