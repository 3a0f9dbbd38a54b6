"""A contact sheet: doubtful photographs on one picture, for a person to look at."""

from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING
from unicodedata import combining, normalize

import numpy as np

from mirage.runtime import files

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from PIL import Image

    from mirage.data.store import Store

    Pixels = NDArray[np.uint8]

SHEET = "doubtful.png"
_MOST = 60  # photographs on a sheet
_ACROSS = 6
_PX, _MARGIN, _LINE_PX, _LINES = 200, 10, 14, 5
_LETTERS = 32  # of the font below in the width of a picture
_TITLE_PX = 30


def draw_doubtful(store: "Store") -> Path | None:
    """Draw a store's doubtful photographs as they are kept, with names and doubts, beside it.

    Returns:
        The sheet; None if nothing is doubtful (a sheet of earlier days is taken away).
    """
    path = store.folder / SHEET
    doubts: dict[str, list[str]] = defaultdict(list)
    for kind, numbers in store.manifest["doubtful"].items():
        for name, number in numbers.items():
            doubts[name].append(f"{kind.split(' (')[0]}: {number:.4g}")
    entries = [entry for entry in store.index if entry.name in doubts]
    if not entries:
        path.unlink(missing_ok=True)
        return None
    shown = entries[:_MOST]
    title = f"{len(entries)} doubtful of {len(store)} photographs"
    title += f"; the first {len(shown)}" if len(shown) < len(entries) else ""
    sheet = _blank(len(shown), title)
    for place, entry in enumerate(shown):
        lines = [entry.name, *doubts[entry.name]]
        _paste(sheet, place, store.image(entry.index), lines)
    with files.writing(path) as temporary:
        sheet.save(temporary, "PNG")
    return path


def _blank(count: int, title: str) -> "Image.Image":
    from PIL import Image

    across, down = min(count, _ACROSS), -(-count // _ACROSS)
    width, height = _corner(across, down)[0], _corner(0, down)[1]
    sheet = Image.new("RGB", (max(width, _corner(2, 0)[0]), height), "white")
    _write(sheet, (_MARGIN, _MARGIN), title)
    return sheet


def _corner(column: int, row: int) -> tuple[int, int]:
    """Upper left corner of a place."""
    height = _PX + _LINES * _LINE_PX + _MARGIN
    return _MARGIN + column * (_PX + _MARGIN), _MARGIN + _TITLE_PX + row * height


def _paste(sheet: "Image.Image", place: int, pixels: "Pixels", lines: list[str]) -> None:
    from PIL import Image, ImageDraw

    x, y = _corner(place % _ACROSS, place // _ACROSS)
    grey = len(pixels) == 1
    picture = Image.fromarray(
        pixels[0] if grey else np.ascontiguousarray(pixels.transpose(1, 2, 0))
    )
    width, height = (max(1, round(side * _PX / max(picture.size))) for side in picture.size)
    sheet.paste(picture.resize((width, height), Image.Resampling.BOX), (x, y))
    frame = (x - 1, y - 1, x + width, y + height)  # shows white and narrow ones
    ImageDraw.Draw(sheet).rectangle(frame, outline="red")
    pieces = [line[at : at + _LETTERS] for line in lines for at in range(0, len(line), _LETTERS)]
    for number, piece in enumerate(pieces[:_LINES]):
        _write(sheet, (x, y + _PX + number * _LINE_PX), piece)


def _write(sheet: "Image.Image", place: tuple[int, int], text: str) -> None:
    from PIL import ImageDraw, ImageFont

    # The font that comes with Pillow has plain letters only.
    parts = (letter for letter in normalize("NFKD", text) if not combining(letter))
    plain = "".join(letter if " " <= letter <= "~" else "?" for letter in parts)
    ImageDraw.Draw(sheet).text(place, plain, fill="black", font=ImageFont.load_default(11))
