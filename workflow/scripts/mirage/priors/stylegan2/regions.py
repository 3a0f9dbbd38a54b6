"""Synthesising only a part of the image, exactly.

A centre crop throws away what lies outside it (paper B.4 keeps 800 of 1024 pixels), so every layer
need only compute what the crop depends on. All windows are known beforehand: starting from the
output, each layer asks its predecessor for its own window plus the reach of its kernel. At the
border of the image the layers pad with zeros as the full network does, inside they never pad.
"""

from functools import lru_cache
from typing import NamedTuple

from torch import Tensor

from mirage.errors import MirageError


class Interval(NamedTuple):
    """Half-open interval [start, stop) of one axis."""

    start: int
    stop: int

    def clip(self, size: int) -> "Interval":
        """The part inside [0, size)."""
        return Interval(max(self.start, 0), min(self.stop, size))

    def grown(self, size: int) -> "Interval":
        """One pixel more at both ends, inside [0, size): what a 3-tap kernel reads."""
        return Interval(self.start - 1, self.stop + 1).clip(size)


class Window(NamedTuple):
    """A box of feature pixels at one resolution."""

    rows: Interval
    columns: Interval

    @classmethod
    def whole(cls, size: int) -> "Window":
        """All of a square of that size."""
        return cls(Interval(0, size), Interval(0, size))

    def doubled(self) -> "Window":
        """The same box at twice the resolution."""
        return Window(*(Interval(2 * axis.start, 2 * axis.stop) for axis in self))

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start


class Level(NamedTuple):
    """What one resolution computes.

    Attributes:
        inner: output of conv0 (of the constant, at 4 px), which conv1 reads.
        features: output of conv1, which the next resolution and toRGB read.
        rgb: the image at this resolution.
    """

    inner: Window
    features: Window
    rgb: Window


def centre_region(image_px: int, crop_px: int) -> Window:
    """The central square of side ``crop_px``.

    An odd margin leaves its extra pixel at the bottom and right, except that half margins round
    to even as torchvision's ``center_crop`` does.

    Raises:
        MirageError: the crop does not fit.
    """
    if not 0 < crop_px <= image_px:
        raise MirageError(
            f"crop_px is {crop_px}", f"1..{image_px}, the side of the generator's image"
        )
    start = round((image_px - crop_px) / 2)
    return Window(Interval(start, start + crop_px), Interval(start, start + crop_px))


@lru_cache(maxsize=64)
def levels(region: Window, image_px: int) -> dict[int, Level]:
    """Plan the windows of all resolutions.

    Args:
        region: the wanted part of the output.
        image_px: side of the generator's output.

    Returns:
        resolution -> its windows, from 4 px up.
    """
    rows, columns = (_axis(axis, image_px) for axis in region)
    return {
        resolution: Level(*map(Window, rows[resolution], columns[resolution]))
        for resolution in sorted(rows)
    }


def _axis(wanted: Interval, image_px: int) -> dict[int, tuple[Interval, Interval, Interval]]:
    """Inner, features and rgb intervals of one axis, from the output down to 4 px."""
    plan = {}
    features = rgb = wanted
    resolution = image_px
    while resolution >= 4:
        plan[resolution] = (features.grown(resolution), features, rgb)
        resolution //= 2
        # Stride-2 transposed 3-tap kernel and 4-tap filter behind conv0 of the larger resolution.
        features = Interval(-((4 - features.start) // 2), (features.stop + 2) // 2 + 1)
        rgb = Interval(-(-rgb.start // 2) - 1, rgb.stop // 2 + 1)
        features, rgb = features.clip(resolution), rgb.clip(resolution)
    return plan


def cut(x: Tensor, held: Window, wanted: Window) -> Tensor:
    """Take the wanted window out of features [..., h, w] that cover the held one."""
    if held == wanted:
        return x
    rows, columns = (
        slice(want.start - had.start, want.stop - had.start)
        for had, want in zip(held, wanted, strict=True)
    )
    return x[..., rows, columns]
