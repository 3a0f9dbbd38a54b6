"""The prepared store: a data set decoded once, memory-mapped ever after.

A store is a folder of three files.

- ``pixels.safetensors``: all images one after the other, uint8, each [C, H, W] in C order.
- ``index.csv``: one line per image; its place in the pixels follows from the sizes before it.
- ``manifest.json``: recipe, counts, duplicates, problems, checksums. Written last: a folder
  without it is no store, whatever else lies there.

While it is made, a hidden folder beside them holds what is decoded so far (``journal``).
"""

import hashlib
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mirage.data import decoding, stream
from mirage.data.dataset import DatasetRecipe, Selection, check_counts, select_photos
from mirage.data.index import Entry, read_index, write_index
from mirage.data.journal import Journal, Outcome
from mirage.data.meter import Meter
from mirage.data.preparing import preparation, prepare_all
from mirage.data.splits import Split, split_indices
from mirage.draws import PER_CELL
from mirage.errors import MirageError
from mirage.runtime import files, signals
from mirage.visible import listed

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = "mirage-store"
VERSION = 4
PIXELS, INDEX, MANIFEST = "pixels.safetensors", "index.csv", "manifest.json"
_PREPARING = ".preparing"


def prepare_store(
    recipe: DatasetRecipe,
    folder: str | Path,
    workers: int = 1,
    code: str | None = None,
    meter: Meter | None = None,
) -> dict[str, Any]:
    """Decode a data set into a store.

    The bytes depend neither on ``workers`` nor on interruptions: what was decoded before one is
    kept in a hidden folder of the store and taken up again if recipe, code and the photographs'
    files are the same. At no time are more than a few images in memory.

    Args:
        recipe: the data set.
        folder: where the store shall lie. A store already there is void from the moment
            that the work on the new one begins.
        workers: decoding threads (the decoders run outside Python's lock).
        code: digest of the code; earlier work of other code is not taken up.
        meter: counts what this call decodes.

    Returns:
        The manifest.

    Raises:
        MirageError: missing or unreadable photographs (all named), identities with too few; the
            disk is full or may not be written to.
        Interrupted: a stop was asked for; what is decoded is kept.
    """
    folder, meter = Path(folder), meter or Meter()
    selection = select_photos(recipe)
    prepare, identity = preparation(recipe, selection.photos)
    signals.listen()
    every_s = float(os.environ.get("MIRAGE_CHECKPOINT_S", "60"))
    state = {**identity, "code": code}
    with Journal(folder / _PREPARING, state, selection.photos, every_s) as journal:
        (folder / MANIFEST).unlink(missing_ok=True)
        prepare_all(journal, selection.photos, prepare, workers, meter)
        if recipe.on_broken == "stop":
            _refuse_problems(journal.outcomes)
        entries, split = _index(journal.outcomes, selection, recipe)
        journal.finish()
        write_index(folder / INDEX, entries)
        manifest = _manifest(recipe, selection, entries, split, journal.outcomes) | {
            "files": {
                PIXELS: {"bytes": journal.pixels.stat().st_size},  # the index has a hash of each
                INDEX: {
                    "bytes": (folder / INDEX).stat().st_size,
                    "blake2b": _checksum(folder / INDEX),
                },
            }
        }
        with files.explaining_disk(folder):
            journal.pixels.replace(folder / PIXELS)
        files.write_json(folder / MANIFEST, manifest)
        journal.discard()
    return manifest


def _refuse_problems(outcomes: Sequence[Outcome]) -> None:
    told = [f"{outcome.name} ({outcome.problem})" for outcome in outcomes if outcome.problem]
    if told:
        raise MirageError(
            f"{len(told)} photographs cannot be used: {listed(told, joint='; ')}",
            "readable image files",
            "replace them, or set on_broken to skip to go on without them",
        )


def _index(
    outcomes: Sequence[Outcome], selection: Selection, recipe: DatasetRecipe
) -> tuple[list[Entry], Split]:
    """Label and split what is usable.

    Where every cell draws its own split, parts and orders are left open, and the split is one of
    those: as large as all.

    Raises:
        MirageError: identities with too few images, or too few for the split.
    """
    pairs = zip(selection.photos, outcomes, strict=True)
    kept = [(photo, outcome) for photo, outcome in pairs if not outcome.problem]
    check_counts([photo.identity for photo, _ in kept], selection.identities, recipe.least_images)
    label_of = {identity: label for label, identity in enumerate(selection.identities)}
    labels = [label_of[photo.identity] for photo, _ in kept]
    rule = recipe.split and recipe.split.drawn(0)
    split = split_indices(labels, rule, [photo.split for photo, _ in kept])
    places = {index: (PER_CELL, index) for index in range(len(kept))}
    if rule == recipe.split:
        for part, indices in split._asdict().items():
            places |= {int(index): (part, order) for order, index in enumerate(indices)}
    entries = []
    for index, (photo, outcome) in enumerate(kept):
        (part, order), (_, height, width) = places[index], outcome.shape
        owner, label, pixel_hash = photo.identity, labels[index], outcome.pixel_hash
        entries.append(
            Entry(index, photo.name, owner, label, part, order, height, width, pixel_hash)
        )
    return entries, split


def _manifest(
    recipe: DatasetRecipe,
    selection: Selection,
    entries: Sequence[Entry],
    split: Split,
    outcomes: Sequence[Outcome],
) -> dict[str, Any]:
    handled: dict[str, list[str]] = defaultdict(list)
    doubtful: dict[str, dict[str, float]] = defaultdict(dict)
    for outcome in outcomes:
        for what in outcome.handled:
            handled[what].append(outcome.name)
        for kind, number in outcome.doubts:
            doubtful[kind][outcome.name] = number
    return {
        "format": FORMAT,
        "version": VERSION,
        "recipe": asdict(recipe),
        "channels": recipe.channels,
        "images": len(entries),
        "train": len(split.train),
        "test": len(split.test),
        "identities": selection.identities,
        "problems": [{"name": o.name, "reason": o.problem} for o in outcomes if o.problem],
        "handled": handled,
        "doubtful": doubtful,
        "left_alone": {left.name: left.why for left in selection.left_alone},
        "duplicates": _duplicates(entries),
        "pixel_bytes": sum(recipe.channels * entry.height * entry.width for entry in entries),
    }


def _duplicates(entries: Sequence[Entry]) -> dict[str, list[list[str]]]:
    """Names of the photographs with the very same pixels, set by set."""
    equals: dict[str, list[Entry]] = defaultdict(list)
    for entry in entries:
        equals[entry.pixel_hash].append(entry)
    found: dict[str, list[list[str]]] = {"within_identity": [], "across_identities": []}
    for group in equals.values():
        if len(group) > 1:
            several = len({entry.identity for entry in group}) > 1
            kind = "across_identities" if several else "within_identity"
            found[kind].append([entry.name for entry in group])
    return found


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
        """Indices of the images of "train" or "test", in the published order.

        Empty where every cell divides the data set anew (``View``).
        """
        rows = [(entry.order, entry.index) for entry in self.index if entry.split == split]
        return np.array([index for _, index in sorted(rows)], dtype=np.int64)

    def verify(self) -> None:
        """Compare the index with the manifest's checksum and all pixels with the index.

        Raises:
            MirageError: names the damaged file, and the first image that is not what it was.
        """
        self._check(_checksum, "blake2b")
        for entry in self.index:
            if decoding.pixel_hash(self.image(entry.index)) != entry.pixel_hash:
                raise self._damage(PIXELS, f"holds other pixels of {entry.name} than were decoded")

    @cached_property
    def _pixels(self) -> "NDArray[np.uint8]":
        return stream.map_flat_pixels(self.folder / PIXELS)

    def _check(self, measure: Callable[[Path], Any], key: str) -> None:
        for name, stated in self.manifest["files"].items():
            found = measure(self.folder / name) if key in stated else None
            if found != stated.get(key):
                raise self._damage(name, f"has {key} {found}, the manifest says {stated[key]}")

    def _damage(self, name: str, what: str) -> MirageError:
        return MirageError(
            f"{self.folder / name} {what}",
            remedy="delete the folder; the next run prepares it anew",
        )
