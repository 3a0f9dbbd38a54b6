"""The prepared store: a data set decoded once, memory-mapped ever after.

A store is a folder of three files.

- ``pixels.safetensors``: all images one after the other, uint8, each [C, H, W] in C order.
- ``index.csv``: one line per image; its place in the pixels follows from the sizes before it.
- ``manifest.json``: recipe, counts, duplicates, problems, checksums. Written last: a folder
  without it is no store, whatever else lies there.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from mirage.data import decoding, stream
from mirage.data.dataset import DatasetRecipe, Selection, check_counts, select_photos
from mirage.data.decoding import Problem, UnreadableImage
from mirage.data.index import Entry, read_index, write_index
from mirage.data.splits import split_indices
from mirage.errors import MirageError
from mirage.runtime import files
from mirage.runtime.progress import Progress

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mirage.data.readers import Photo

FORMAT = "mirage-store"
VERSION = 1
PIXELS, INDEX, MANIFEST = "pixels.safetensors", "index.csv", "manifest.json"
_AHEAD = 4  # photographs decoded in advance per worker: enough to keep busy, little in memory


class _Decoded(NamedTuple):
    pixels: "NDArray[np.uint8]"
    pixel_hash: str


class _Kept(NamedTuple):
    """What stays in memory of an image that is written."""

    photo: "Photo"
    shape: tuple[int, ...]
    pixel_hash: str


def prepare_store(recipe: DatasetRecipe, folder: str | Path, workers: int = 1) -> dict[str, Any]:
    """Decode a data set into a store.

    The bytes do not depend on ``workers``. At no time are more than a few images in memory.

    Args:
        recipe: the data set.
        folder: where the store shall lie. A store already there is void from the first moment.
        workers: decoding threads (the decoders run outside Python's lock).

    Returns:
        The manifest.

    Raises:
        MirageError: missing or unreadable photographs (all named), identities with too few.
    """
    folder = Path(folder)
    selection = select_photos(recipe)
    (folder / MANIFEST).unlink(missing_ok=True)
    kept: list[_Kept] = []
    problems: list[Problem] = []
    with (
        stream.pixel_stream(folder / PIXELS) as pixels,
        Progress("decoding", len(selection.photos)) as progress,
    ):
        for photo, result in _decode_all(selection.photos, recipe.channels, workers):
            if isinstance(result, str):
                problems.append(Problem(photo.name, result))
            else:
                kept.append(_Kept(photo, result.pixels.shape, result.pixel_hash))
                pixels.append(result.pixels)
            progress.advance()
        if recipe.on_broken == "stop":
            _refuse_problems(problems)
        owners = [image.photo.identity for image in kept]
        check_counts(owners, selection.identities, recipe.least_images)
        entries = _index(kept, selection, recipe)
    write_index(folder / INDEX, entries)
    manifest = _manifest(recipe, selection, entries, problems, folder)
    files.write_json(folder / MANIFEST, manifest)
    return manifest


def _decode_all(
    photos: "Sequence[Photo]", channels: int, workers: int
) -> "Iterator[tuple[Photo, _Decoded | str]]":
    """Decode in order; a photograph that cannot be used comes with the reason instead."""

    def decode(photo: "Photo") -> _Decoded | str:
        try:
            pixels = decoding.decode_file(photo.path, channels)
        except UnreadableImage as problem:
            return str(problem)
        return _Decoded(pixels, decoding.pixel_hash(pixels))

    waiting: deque[tuple[Photo, Future[_Decoded | str]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for photo in photos:
            waiting.append((photo, pool.submit(decode, photo)))
            if len(waiting) > _AHEAD * workers:
                first, future = waiting.popleft()
                yield first, future.result()
        for photo, future in waiting:
            yield photo, future.result()


def _refuse_problems(problems: Sequence[Problem]) -> None:
    if problems:
        named = "; ".join(f"{problem.name} ({problem.reason})" for problem in problems)
        raise MirageError(
            f"{len(problems)} photographs cannot be used: {named}",
            "readable image files",
            "replace them, or set on_broken to skip to go on without them",
        )


def _index(kept: Sequence[_Kept], selection: Selection, recipe: DatasetRecipe) -> list[Entry]:
    label_of = {identity: label for label, identity in enumerate(selection.identities)}
    labels = [label_of[image.photo.identity] for image in kept]
    split = split_indices(labels, recipe.split)
    place = {
        int(index): (part, order)
        for part, indices in split._asdict().items()
        for order, index in enumerate(indices)
    }
    entries = []
    for index, image in enumerate(kept):
        part, order = place[index]
        _, height, width = image.shape
        name, identity, _ = image.photo
        entries.append(
            Entry(
                index, name, identity, labels[index], part, order, height, width, image.pixel_hash
            )
        )
    return entries


def _manifest(
    recipe: DatasetRecipe,
    selection: Selection,
    entries: Sequence[Entry],
    problems: Sequence[Problem],
    folder: Path,
) -> dict[str, Any]:
    duplicates = decoding.find_duplicates(
        (entry.name, entry.identity, entry.pixel_hash) for entry in entries
    )
    return {
        "format": FORMAT,
        "version": VERSION,
        "recipe": asdict(recipe),
        "channels": recipe.channels,
        "images": len(entries),
        "train": sum(entry.split == "train" for entry in entries),
        "test": sum(entry.split == "test" for entry in entries),
        "identities": selection.identities,
        "problems": [problem._asdict() for problem in problems],
        "duplicates": {
            "within_identity": [list(d.names) for d in duplicates if len(d.identities) == 1],
            "across_identities": [list(d.names) for d in duplicates if len(d.identities) > 1],
        },
        "pixel_bytes": sum(recipe.channels * entry.height * entry.width for entry in entries),
        "files": {
            name: {
                "bytes": (folder / name).stat().st_size,
                "blake2b": _checksum(folder / name),
            }
            for name in (PIXELS, INDEX)
        },
    }


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=32)).hexdigest()


class Store:
    """Reads a prepared store.

    Attributes:
        manifest: the manifest, see ``prepare_store``.
        index: one ``Entry`` per image.
        labels: int64 [N], in [0, K).
        identities: name of each label.
        channels: 1 or 3.
    """

    def __init__(self, folder: str | Path) -> None:
        """Open a store.

        Raises:
            MirageError: no complete store of this version, or a file of another size than the
                manifest says.
        """
        self.folder = Path(folder)
        manifest = files.read_json(self.folder / MANIFEST)
        self.manifest: dict[str, Any] = manifest if isinstance(manifest, dict) else {}
        kind = self.manifest.get("format"), self.manifest.get("version")
        if kind != (FORMAT, VERSION):
            raise MirageError(
                f"{self.folder / MANIFEST} describes {kind[0]} version {kind[1]}",
                f"{FORMAT} version {VERSION}",
                "delete the folder; the next run prepares it anew",
            )
        self._check(lambda path: path.stat().st_size if path.exists() else 0, "bytes")
        self.index = read_index(self.folder / INDEX)
        self.identities: list[str] = self.manifest["identities"]
        self.channels: int = self.manifest["channels"]
        self.labels = np.array([entry.label for entry in self.index], dtype=np.int64)
        sizes = [self.channels * entry.height * entry.width for entry in self.index]
        self._offsets = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        if len(self._pixels) != self._offsets[-1]:
            raise self._damage(
                INDEX, f"describes {self._offsets[-1]} pixels of {len(self._pixels)}"
            )

    def __len__(self) -> int:
        return len(self.index)

    def image(self, i: int) -> "NDArray[np.uint8]":
        """Image ``i`` as a read-only view [C, H, W] of the mapped file."""
        entry = self.index[i]
        start = self._offsets[entry.index]
        end = self._offsets[entry.index + 1]
        return self._pixels[start:end].reshape(self.channels, entry.height, entry.width)

    def members(self, split: str) -> "NDArray[np.int64]":
        """Indices of the images of "train" or "test", in the published order."""
        rows = [(entry.order, entry.index) for entry in self.index if entry.split == split]
        return np.array([index for _, index in sorted(rows)], dtype=np.int64)

    def verify(self) -> None:
        """Compare all bytes with the manifest's checksums.

        Raises:
            MirageError: names the damaged file.
        """
        self._check(_checksum, "blake2b")

    @cached_property
    def _pixels(self) -> "NDArray[np.uint8]":
        return stream.map_flat_pixels(self.folder / PIXELS)

    def _check(self, measure: Callable[[Path], Any], key: str) -> None:
        for name, stated in self.manifest["files"].items():
            found = measure(self.folder / name)
            if found != stated[key]:
                raise self._damage(name, f"has {key} {found}, the manifest says {stated[key]}")

    def _damage(self, name: str, what: str) -> MirageError:
        return MirageError(
            f"{self.folder / name} {what}",
            remedy="delete the folder; the next run prepares it anew",
        )
