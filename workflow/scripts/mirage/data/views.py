"""Views: a store cut and resized once to square uint8 images of one size."""

import time
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from mirage.data.conversion import as_picture, as_planes
from mirage.data.meter import Meter
from mirage.data.parallel import in_order
from mirage.data.splits import SplitRecipe, split_indices
from mirage.data.stream import PixelStream
from mirage.errors import MirageError
from mirage.recipes import Recipe, require
from mirage.runtime import files
from mirage.runtime.progress import Progress

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import Tensor

    from mirage.data.index import Entry
    from mirage.data.store import Store

FORMAT = "mirage-view"
VERSION = 1
_LONGEST = 16  # sides of the result; no photograph is that narrow


@dataclass(frozen=True)
class ViewRecipe(Recipe):
    """What is cut from each image and how large it becomes.

    Attributes:
        image_px: side of the square result.
        crop: (left, top, width, height) in pixels of the stored image; None takes all of it.
        resize: "square" stretches to the square; "short_side" brings the short side to
            ``image_px`` and cuts the centre. Equal for images that are square already (quirks
            uncut-training-crops, resize-paths).
    """

    image_px: int
    crop: tuple[int, int, int, int] | None = None
    resize: Literal["square", "short_side"] = "square"

    def __post_init__(self) -> None:
        require(self.image_px >= 1, "image_px", self.image_px, "at least 1")
        if self.crop is not None:
            left, top, width, height = self.crop
            sensible = left >= 0 and top >= 0 and width >= 1 and height >= 1
            require(sensible, "crop", self.crop, "left, top >= 0 and width, height >= 1")


class LabelledImages(NamedTuple):
    """A set of images of known classes.

    Attributes:
        pixels: uint8 [N, C, px, px], possibly memory-mapped; or floating point in network range
            (rendered attack images, which the official code does not clip or round).
        labels: int64 [N] in [0, classes).
        classes: number of classes K.
    """

    pixels: "Tensor"
    labels: "Tensor"
    classes: int


def prepare_view(
    store: "Store",
    recipe: ViewRecipe,
    path: str | Path,
    workers: int = 1,
    meter: Meter | None = None,
) -> None:
    """Resize a store's images once.

    Pillow's bilinear filter on 8-bit values, which widens with the reduction (antialiasing).
    Source: official code resizes that way when it loads (quirk resize-paths).

    Args:
        store: the decoded data set.
        recipe: what to cut and how to resize.
        path: one safetensors file: ``pixels``, ``labels``, ``train``, ``test``.
        workers: resizing threads; the bytes do not depend on them.
        meter: counts the images.

    Raises:
        MirageError: the crop does not lie inside an image, which is named.
    """
    parts = {part: store.members(part) for part in ("train", "test")}
    metadata = {
        "format": FORMAT,
        "version": VERSION,
        "recipe": asdict(recipe),
        "dataset": store.manifest["recipe"],
        "identities": store.identities,
        "store": store.manifest["files"],
    }
    shape = (store.channels, recipe.image_px, recipe.image_px)

    def resized(entry: "Entry") -> "tuple[NDArray[np.uint8], float]":
        began = time.thread_time()
        small = resize_pixels(store.image(entry.index), recipe, entry.name)
        return small, time.thread_time() - began

    with (
        files.writing(path) as temporary,
        temporary.open("wb") as file,
        Progress("resizing", len(store)) as progress,
    ):
        pixels = PixelStream(file, shape, {"labels": store.labels, **parts}, metadata)
        for small, work_s in in_order(store.index, resized, workers, lambda done: done[0].nbytes):
            pixels.append(small)
            if meter is not None:
                meter.add(work_s)
            progress.advance()
        pixels.finish()


def resize_pixels(
    pixels: "NDArray[np.uint8]", recipe: ViewRecipe, name: str = "image"
) -> "NDArray[np.uint8]":
    """Cut and resize one image [C, H, W] to [C, px, px].

    Raises:
        MirageError: the crop does not lie inside the image called ``name``.
    """
    from PIL import Image

    image = as_picture(pixels)
    if recipe.crop is not None:
        image = image.crop(fitting_box(*image.size, recipe, name))
    px = recipe.image_px
    width, height, left, top = cut_size(*image.size, recipe)
    if max(width, height) > _LONGEST * px:
        # Of a very long picture only what the cut shows is resized, which may round one level
        # apart: the whole of 2 x 6000 pixels would become 224 x 672,000.
        x, y = image.width / width, image.height / height
        box = (left * x, top * y, (left + px) * x, (top + px) * y)
        return as_planes(image.resize((px, px), Image.Resampling.BILINEAR, box))
    image = image.resize((width, height), Image.Resampling.BILINEAR)
    return as_planes(image.crop((left, top, left + px, top + px)))


def fitting_box(
    width: int, height: int, recipe: ViewRecipe, name: str = "image"
) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of what a recipe cuts from an image, in its pixels.

    Raises:
        MirageError: the crop does not lie inside the image called ``name``.
    """
    left, top, wide, high = recipe.crop or (0, 0, width, height)
    if left + wide > width or top + high > height:
        raise MirageError(
            f"{name} is {width} x {height} pixels, too small for the crop "
            f"of {wide} x {high} at ({left}, {top})",
            remedy="correct the view's crop",
        )
    return left, top, left + wide, top + high


def cut_size(width: int, height: int, recipe: ViewRecipe) -> tuple[int, int, int, int]:
    """Size an image is resized to, width first, and the place (left, top) of the square in it.

    ``short_side`` has torchvision's roundings: long side down, centre to the even number.
    """
    px = recipe.image_px
    if recipe.resize == "square":
        return px, px, 0, 0
    short = min(width, height)
    wide, high = (int(px * side / short) for side in (width, height))
    return wide, high, round((wide - px) / 2), round((high - px) / 2)


class View:
    """Reads a prepared view, as the cells of one seed see it.

    Attributes:
        pixels: uint8 [N, C, px, px], memory-mapped: only what is touched is read.
        labels: int64 [N], in [0, classes).
        identities: name of each label; their number is ``classes``.
        metadata: recipes of view and data set, checksums of the store.
    """

    def __init__(self, path: str | Path, seed: int | None = None) -> None:
        """Open a view; this loads torch.

        Args:
            path: the file.
            seed: of the cell that reads it; needed for ``train`` and ``test`` of a data set that
                every cell divides anew.

        Raises:
            MirageError: missing, truncated, or no view of this version.
        """
        self.metadata: dict[str, Any] = files.read_metadata(path)
        kind = self.metadata.get("format"), self.metadata.get("version")
        if kind != (FORMAT, VERSION):
            raise MirageError(
                f"{path} holds {kind[0]} version {kind[1]}",
                f"{FORMAT} version {VERSION}",
                "delete it; the next run makes it anew",
            )
        self._tensors: dict[str, Tensor] = files.load_tensors(path)
        self._seed = seed
        self.pixels, self.labels = self._tensors["pixels"], self._tensors["labels"]
        self.identities: list[str] = self.metadata["identities"]
        self.classes = len(self.identities)

    @property
    def train(self) -> "Tensor":
        """Int64 indices of the training images, in the published order.

        Raises:
            MirageError: each cell has its own, and no seed was given.
        """
        return self._split[0]

    @property
    def test(self) -> "Tensor":
        """The same of the test images."""
        return self._split[1]

    @cached_property
    def _split(self) -> "tuple[Tensor, Tensor]":
        settings = self.metadata["dataset"]["split"]
        recipe = SplitRecipe.of(settings) if settings else None
        if recipe is None or not recipe.per_cell:
            return self._tensors["train"], self._tensors["test"]
        import torch

        if self._seed is not None:
            recipe = recipe.drawn(self._seed)
        train, test = split_indices(self.labels.numpy(), recipe)
        return torch.from_numpy(train), torch.from_numpy(test)

    def select(self, indices: "Tensor | NDArray[np.int64]") -> LabelledImages:
        """Copy the images at ``indices`` (int64) into memory, in that order."""
        return LabelledImages(self.pixels[indices], self.labels[indices], self.classes)
