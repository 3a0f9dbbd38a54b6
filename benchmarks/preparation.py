"""Preparing a data set of the paper's kind: face crops of 100 to 400 px in folders."""

import statistics
import tempfile
from pathlib import Path

import numpy as np
import torch
from mirage.data.dataset import DatasetRecipe
from mirage.data.meter import Meter
from mirage.data.store import PIXELS, Store, prepare_store
from mirage.data.stream import map_flat_pixels
from mirage.data.views import View, ViewRecipe, prepare_view
from PIL import Image

from benchmarks.paired import paired
from benchmarks.reference import preparation as reference
from benchmarks.table import Row, relative

THREADS = 2
SIDES = (100, 400)  # px
VIEWS = {
    "short224": ViewRecipe(224, resize="short_side"),
    "square160": ViewRecipe(160),
    "short299": ViewRecipe(299, resize="short_side"),
    "square299": ViewRecipe(299),
}


def make_photographs(folder: Path, people: int, each: int) -> None:
    """Write smooth coloured noise as JPEG: about 0.3 bytes a pixel, as photographs have."""
    rng = np.random.default_rng(0)
    for person in range(people):
        (folder / f"{person:03d}").mkdir(parents=True)
        for number in range(each):
            width, height = rng.integers(*SIDES, 2)
            noise = rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
            image = Image.fromarray(noise).resize((width, height), Image.Resampling.BICUBIC)
            image.save(folder / f"{person:03d}" / f"{number}.jpg", quality=90)


def rows(people: int = 20, each: int = 50, repetitions: int = 5) -> list[Row]:
    """Decoding alone, and with the four sizes in which the paper's networks see FaceScrub."""
    with tempfile.TemporaryDirectory() as name:
        all_of_them, few = Path(name, "all"), Path(name, "few")
        make_photographs(all_of_them / "photographs", people, each)
        make_photographs(few / "photographs", people, max(each // 5, 1))
        return [store_row(all_of_them, repetitions), views_row(few, repetitions)]


def store_row(folder: Path, repetitions: int) -> Row:
    """Photographs to one file of pixels; ours also hashes, indexes, splits and journals them."""
    photographs, plain, store = folder / "photographs", folder / "plain", folder / "store"
    figures: list[dict[str, float]] = []

    def ours() -> None:
        meter = Meter()
        _prepare(photographs, store, meter)
        figures.append({"images": meter.images, **meter.figures()})

    ratio = paired(ours, lambda: reference.decode_all(photographs, plain), repetitions)
    found = torch.from_numpy(map_flat_pixels(store / PIXELS).astype(np.int16))
    gap = relative(found, torch.from_numpy(np.fromfile(plain, dtype=np.uint8).astype(np.int16)))
    told = {key: statistics.median(each[key] for each in figures[1:]) for key in figures[0]}
    title = (
        f"preparation, {told['images']:.0f} photographs decoded, {THREADS} threads "
        f"({told['images_per_s']:.0f} images/s, {told['outside_share']:.0%} outside decode)"
    )
    return Row(title, ratio, "s", None, ("pixels", gap), 0.0)


def views_row(folder: Path, repetitions: int) -> Row:
    """Photographs to every size: decoded once, or once for each size."""
    photographs, store = folder / "photographs", folder / "store"

    def ours() -> None:
        _prepare(photographs, store, Meter())
        for name, recipe in VIEWS.items():
            prepare_view(Store(store), recipe, folder / f"{name}.safetensors", THREADS)

    def theirs() -> None:
        for recipe in VIEWS.values():
            reference.resized(photographs, recipe.image_px, recipe.resize == "square")

    ratio = paired(ours, theirs, repetitions)
    gap = max(
        relative(
            View(folder / f"{name}.safetensors").pixels.short(),
            reference.resized(photographs, recipe.image_px, recipe.resize == "square").short(),
        )
        for name, recipe in VIEWS.items()
    )
    title = f"preparation, {len(VIEWS)} sizes of each photograph, {THREADS} threads"
    return Row(title, ratio, "s", None, ("pixels", gap), 0.0)


def _prepare(photographs: Path, store: Path, meter: Meter) -> None:
    recipe = DatasetRecipe("folders", str(photographs))
    prepare_store(recipe, store, workers=THREADS, meter=meter)
