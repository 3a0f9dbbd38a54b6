"""Photographs to pixels: decoded and cut by threads, handed over in the data set's order."""

import cmath
import hashlib
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mirage.data import decoding, plausibility
from mirage.data.dataset import DatasetRecipe
from mirage.data.face_crop import FaceCropRecipe, crop_face, crop_to_photo
from mirage.data.journal import Journal, Outcome, stamp_of
from mirage.data.landmarks import read_landmarks, standard_layout
from mirage.data.limits import UnreadableImage
from mirage.data.meter import Meter
from mirage.data.parallel import in_order
from mirage.errors import Interrupted, MirageError
from mirage.runtime import signals
from mirage.runtime.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mirage.data.listing import Photo
    from mirage.data.plausibility import Doubt

    Pixels = NDArray[np.uint8]
    Points = NDArray[np.float64]


class Prepared(NamedTuple):
    """One photograph, done."""

    outcome: Outcome
    pixels: "Pixels | None"
    """[C, H, W]; None if it cannot be used."""
    work_s: float
    """Processor seconds of decoding and cutting."""

    def nbytes(self) -> int:
        """Bytes of its pixels."""
        return 0 if self.pixels is None else self.pixels.nbytes


Prepare = Callable[["Photo"], Prepared]
_Cut = Callable[[str, "Pixels"], "tuple[Pixels, list[Doubt]]"]


def preparation(recipe: DatasetRecipe, photos: "Sequence[Photo]") -> tuple[Prepare, dict[str, Any]]:
    """What turns a photograph into pixels, and all that decides them.

    Returns:
        The work of one thread on one photograph, and the JSON-able description of what decides
        its result: settings, landmarks of the photographs, Pillow's version.

    Raises:
        MirageError: landmarks that are missing or damaged.
    """
    from PIL import __version__ as pillow

    identity = {
        "channels": recipe.channels,
        "pillow": pillow,
        "doubtful": [recipe.least_side, recipe.greatest_ratio],
        "face_crop": None,
    }
    if recipe.face_crop is None:
        return _worker(recipe, lambda _, pixels: (pixels, [])), identity
    crop, points = recipe.face_crop, recipe.face_crop.points
    if "landmarks" not in recipe.sources:
        raise MirageError(
            "face_crop needs the source 'landmarks'", remedy="name it in the data set's `asset`"
        )
    source = recipe.sources["landmarks"]
    names = [photo.name for photo in photos]
    landmarks, layout = read_landmarks(source, points, names), standard_layout(source, points)
    digest = hashlib.blake2b(layout.tobytes(), digest_size=16)
    for name in names:
        digest.update(landmarks[name].tobytes())
    told = {"settings": asdict(crop), "landmarks": digest.hexdigest()}
    cut = partial(_cut, landmarks, layout, crop)
    return _worker(recipe, cut), {**identity, "face_crop": told}


def _cut(
    landmarks: "Mapping[str, Points]",
    layout: "Points",
    crop: FaceCropRecipe,
    name: str,
    pixels: "Pixels",
) -> "tuple[Pixels, list[Doubt]]":
    points = landmarks[name]
    _, height, width = pixels.shape
    doubts = list(plausibility.doubts_about_landmarks(points, layout, height, width))
    with np.errstate(all="ignore"):  # numbers so large that their sums are none
        transform = crop_to_photo(points, layout, crop)
    if not all(map(cmath.isfinite, transform)):
        raise UnreadableImage("landmarks that no crop can be made of")
    return crop_face(pixels, points, layout, crop), doubts


def _worker(recipe: DatasetRecipe, cut: _Cut) -> Prepare:
    def prepare(photo: "Photo") -> Prepared:
        began = time.thread_time()
        stamp = stamp_of(photo.path)
        try:
            decoded = _decoded(photo, recipe.channels)
            pixels, doubts = cut(photo.name, decoded.pixels)
        except UnreadableImage as problem:
            outcome = Outcome(photo.name, stamp, problem=str(problem))
            return Prepared(outcome, None, time.thread_time() - began)
        _, height, width = decoded.pixels.shape
        doubts += plausibility.doubts_about_size(
            height, width, recipe.least_side, recipe.greatest_ratio
        )
        doubts += plausibility.doubts_about_pixels(pixels)
        told = tuple((doubt.kind, round(doubt.number, 3)) for doubt in doubts)
        work_s = time.thread_time() - began
        pixel_hash = decoding.pixel_hash(pixels)
        outcome = Outcome(photo.name, stamp, pixels.shape, pixel_hash, "", decoded.handled, told)
        return Prepared(outcome, pixels, work_s)

    return prepare


def _decoded(photo: "Photo", channels: int) -> decoding.Decoded:
    if photo.content is None:
        return decoding.decode_file(photo.path, channels)
    return decoding.decode(photo.content, channels)


def prepare_all(
    journal: Journal, photos: "Sequence[Photo]", prepare: Prepare, workers: int, meter: Meter
) -> None:
    """Prepare what the journal does not hold yet of all photographs, in order, with threads.

    Raises:
        Interrupted: a stop was asked for; the journal is saved first.
        MirageError: a file cannot be read, or the disk cannot be written.
    """
    done = len(journal.outcomes)
    with Progress("decoding", len(photos), done) as progress:
        for prepared in in_order(photos[done:], prepare, workers, Prepared.nbytes):
            journal.add(prepared.outcome, prepared.pixels)
            meter.add(prepared.work_s)
            progress.advance()
            if signals.stop_requested():
                journal.save()
                raise Interrupted
    journal.save()
