"""Images in rows and columns, each with a mark that tells a verdict."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mirage.paper.drawing import DPI, style
from mirage.visible import one_line

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_HEAD = 64
"""Pixels above the images, for two lines."""
_MARK = 0.17
"""Size of a mark as a share of an image's side."""
_DARK, _LIGHT = "#111111", "#ffffff"
_TICK = (((-0.26, -0.07, 0.29), (0.0, -0.21, 0.24)),)
_CROSS = (((-0.2, 0.2), (-0.2, 0.2)), ((-0.2, 0.2), (0.2, -0.2)))
"""Strokes: x and y in units of the mark's size, its centre being 0."""


@dataclass(frozen=True, eq=False)
class Column:
    """Images of the same people, one below the other.

    Attributes:
        heading: its lines, two at most.
        images: [G, C, H, W] with C of 1 or 3, uint8 or float in [-1, 1].
        marks: for each image whether it has a tick, else a cross; None for no marks at all.
        colour: of the heading.
    """

    heading: Sequence[str]
    images: "np.ndarray"
    marks: Sequence[bool] | None = None
    colour: str = "black"


def grid(columns: Sequence[Column]) -> "Figure":
    """Draw images class by class, model by model; all of one shape, the real ones first."""
    count, _, height, width = columns[0].images.shape
    zoom = max(1, round(160 / height))  # whole numbers keep the pixels square
    gap = max(2, zoom)  # pixels
    cell_w, cell_h = width * zoom, height * zoom
    total_w = len(columns) * (cell_w + gap) + 4 * gap  # the real images stand apart
    total_h = _HEAD + count * (cell_h + gap)
    with style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(total_w / DPI, total_h / DPI))
        for place, column in enumerate(columns):
            left = place * (cell_w + gap) + (4 * gap if place else 0)
            figure.text(
                (left + cell_w / 2) / total_w, 1 - 0.5 * _HEAD / total_h,
                "\n".join(map(one_line, column.heading)),
                ha="center", va="center", fontsize=7, color=column.colour,
            )  # fmt: skip
            for row, image in enumerate(column.images):
                bottom = total_h - _HEAD - (row + 1) * cell_h - row * gap
                box = (left / total_w, bottom / total_h, cell_w / total_w, cell_h / total_h)
                axes = figure.add_axes(box)
                axes.set_axis_off()
                axes.imshow(pixels(image), interpolation="nearest", aspect="auto")
                if column.marks is not None:
                    _mark(axes, column.marks[row], _MARK * min(cell_w, cell_h), cell_w, cell_h)
    return figure


def _mark(axes: "Axes", tick: bool, size: float, width: int, height: int) -> None:
    """A dark tick on a light disc or a light cross on a dark one, on whatever image.

    Args:
        axes: of one image.
        tick: which of the two.
        size: of the mark, pixels.
        width: of the image, pixels.
        height: of the image, pixels.
    """
    from matplotlib.lines import Line2D

    points = size * 72 / DPI
    ink, paper = (_DARK, _LIGHT) if tick else (_LIGHT, _DARK)
    x, y = 1 - 0.6 * size / width, 0.6 * size / height
    disc = Line2D(
        [x], [y], marker="o", markersize=0.94 * points, markerfacecolor=paper,
        markeredgecolor=ink, markeredgewidth=0.06 * points,
    )  # fmt: skip
    strokes = [
        Line2D(
            [x + step * size / width for step in across],
            [y + step * size / height for step in up],
            color=ink, linewidth=0.12 * points, solid_capstyle="round", solid_joinstyle="round",
        )
        for across, up in (_TICK if tick else _CROSS)
    ]  # fmt: skip
    for drawn in (disc, *strokes):
        drawn.set_transform(axes.transAxes)
        axes.add_artist(drawn)


def pixels(image: "np.ndarray") -> "np.ndarray":
    """One image [C, H, W] as uint8 RGB [H, W, 3]."""
    import numpy as np

    if image.dtype != np.uint8:
        image = np.round((np.clip(image, -1, 1) + 1) * 127.5).astype(np.uint8)
    return np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0)
