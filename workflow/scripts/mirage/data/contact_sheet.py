"""A contact sheet: doubtful photographs on one picture, for a person to look at."""

import textwrap
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING

from mirage.data.conversion import as_picture
from mirage.runtime import files
from mirage.visible import visible

if TYPE_CHECKING:
    from mirage.data.store import Store

SHEET = "doubtful.png"
_MOST = 60  # photographs on a sheet
_ACROSS = 6
_PX = 200  # longer side of a photograph
_LETTERS = 32  # of a line above it


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
    from matplotlib.figure import Figure

    shown = entries[:_MOST]
    rows = -(-len(shown) // _ACROSS)
    figure = Figure(figsize=(2.2 * _ACROSS, 0.5 + 2.8 * rows), layout="constrained")
    more = f"; the first {len(shown)}" if len(shown) < len(entries) else ""
    figure.suptitle(f"{len(entries)} doubtful of {len(store)} photographs{more}")
    for place, entry in enumerate(shown):
        picture = as_picture(store.image(entry.index))
        picture.thumbnail((_PX, _PX))
        axes = figure.add_subplot(rows, _ACROSS, place + 1, xticks=[], yticks=[])
        axes.imshow(picture, cmap="gray", vmin=0, vmax=255)
        axes.spines[:].set_color("red")  # shows where white and narrow ones end
        lines = [visible(entry.name), *doubts[entry.name]]
        told = "\n".join(textwrap.fill(line, _LETTERS, max_lines=3) for line in lines)
        axes.set_title(told, fontsize=6, parse_math=False)
    with files.writing(path) as temporary:
        figure.savefig(temporary, format="png", metadata={"Software": None})
    return path
