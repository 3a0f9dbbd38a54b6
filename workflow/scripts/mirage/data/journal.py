"""Photographs decoded so far, so that an interrupted preparation goes on where it was.

Pixels grow in one file, which in the end becomes the store's without being copied; a journal
beside it gets one line per shard: who is in it, with the hash of the pixels of each. A line is
written once its pixels are safe on the disk. What lies behind the last whole line is thrown away,
and so is everything from the shard on in which a photograph's file has changed since.
"""

import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, NamedTuple

import numpy as np

from mirage.data.decoding import pixel_hash
from mirage.data.stream import PixelStream
from mirage.runtime import claims, files

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mirage.data.listing import Photo


class Outcome(NamedTuple):
    """What became of one photograph, as JSON keeps it."""

    name: str
    stamp: list[int]
    """Size and time of its file, so that a replaced one is noticed."""
    shape: Sequence[int] = ()
    """Of its pixels, [C, H, W]; empty, as is their hash, if it cannot be used."""
    pixel_hash: str = ""
    problem: str = ""
    """Why it cannot be used; empty if it can."""
    handled: Sequence[str] = ()
    """What was odd about it."""
    doubts: Sequence[tuple[str, float]] = ()
    """What makes it doubtful, each with its number."""


def stamp_of(path: Path) -> list[int]:
    """Size in bytes and time of the last change in ns."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


class Journal:
    """One preparation's pixels and outcomes so far.

    Attributes:
        outcomes: of the photographs done, in the data set's order.
        pixels: the file that holds their pixels.
    """

    def __init__(
        self, folder: Path, identity: Mapping[str, Any], photos: "Sequence[Photo]", every_s: float
    ) -> None:
        """Take up earlier work of the same identity on the same files, or begin.

        Args:
            folder: where pixels and journal lie.
            identity: JSON-able description of what decides the pixels.
            photos: the photographs, in the data set's order.
            every_s: seconds between two shards, at least.

        Raises:
            MirageError: the disk is full, read-only or may not be written to.
        """
        self.folder, self.pixels = folder, folder / "pixels.part"
        self._every_s, self._saved = every_s, time.monotonic()
        self.outcomes: list[Outcome] = []
        self._waiting: list[Outcome] = []
        text = json.dumps(identity, sort_keys=True, default=str)
        heading = json.dumps({"identity": hashlib.blake2b(text.encode()).hexdigest()})
        with files.explaining_disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._file, self._lines = _opened(self.pixels), _opened(folder / "journal.jsonl")
            self._stream = PixelStream(self._file)
            self._resume(heading.encode() + b"\n", photos)

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._file, self._lines):
            # On the good way all is flushed; on the other this must not hide why the block ended.
            with suppress(OSError):
                file.close()

    def add(self, outcome: Outcome, pixels: "NDArray[np.uint8] | None") -> None:
        """Append one photograph, and finish the shard when it is time.

        Raises:
            MirageError: the disk is full or its quota used up.
        """
        with files.explaining_disk(self.pixels):
            if pixels is not None:
                self._stream.append(pixels)
            self._waiting.append(outcome)
            if time.monotonic() - self._saved >= self._every_s:
                self.save()

    def save(self) -> None:
        """Finish the shard: from here an interrupted preparation goes on.

        Raises:
            MirageError: the disk is full or its quota used up; another job has taken over.
        """
        claims.insist()
        line = json.dumps(self._waiting).encode()
        with files.explaining_disk(self.pixels):
            _flush(self._file)
            self._lines.write(b"%s %s\n" % (_checksum(line), line))
            _flush(self._lines)
        self.outcomes += self._waiting
        self._waiting = []
        self._saved = time.monotonic()

    def finish(self) -> None:
        """Give the pixels their header; the file is then whole."""
        with files.explaining_disk(self.pixels):
            self._stream.finish()
            _flush(self._file)

    def discard(self) -> None:
        """Remove what is left once the store is whole."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _resume(self, heading: bytes, photos: "Sequence[Photo]") -> None:
        """Keep what is whole and still true, and leave both files where it ends."""
        if self._lines.readline() != heading:
            self._lines.seek(0)
            self._lines.truncate()
            self._lines.write(heading)
        ends = self._file.tell(), self._lines.tell()
        for shard in _shards(self._lines):
            digest = self._stream.digest.copy()
            if not _holds(shard, photos[len(self.outcomes) :], self._file, digest):
                break
            self._stream.digest = digest
            self.outcomes += shard
            ends = self._file.tell(), self._lines.tell()
        for file, end in zip((self._file, self._lines), ends, strict=True):
            file.seek(end)
            file.truncate()


def _opened(path: Path) -> BinaryIO:
    path.touch()
    return path.open("r+b")


def _shards(lines: BinaryIO) -> Iterator[list[Outcome]]:
    """Yield shards up to the first line that is not whole."""
    for line in iter(lines.readline, b""):
        checksum, _, content = line.rstrip(b"\n").partition(b" ")
        if checksum != _checksum(content) or not line.endswith(b"\n"):
            return
        yield [Outcome(*fields) for fields in json.loads(content)]


def _holds(
    shard: Sequence[Outcome], photos: "Sequence[Photo]", pixels: BinaryIO, digest: Any
) -> bool:
    """Whether a shard's photographs are the next ones, unchanged, and its pixels whole.

    ``digest`` takes in the pixels.
    """
    if len(shard) > len(photos):
        return False
    for outcome, photo in zip(shard, photos, strict=False):
        if outcome.name != photo.name or outcome.stamp != stamp_of(photo.path):
            return False
        if outcome.shape:
            size = math.prod(outcome.shape)
            found = np.frombuffer(pixels.read(size), dtype=np.uint8)
            if len(found) != size or pixel_hash(found.reshape(outcome.shape)) != outcome.pixel_hash:
                return False
            digest.update(found)
    return True


def _checksum(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=16).hexdigest().encode()


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
