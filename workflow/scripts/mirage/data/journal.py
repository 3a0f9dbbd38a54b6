"""Photographs decoded so far, so that an interrupted preparation goes on where it was.

Pixels grow in one file, which in the end becomes the store's without being copied; a journal
beside it gets one line per shard: who is in it, with the hash of the pixels of each. A line is
written once its pixels are safe on the disk. What lies behind the last whole line is thrown away,
and so is everything from the shard on in which a photograph's file has changed since.
"""

import errno
import fcntl
import hashlib
import json
import math
import os
import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from mirage.data import stream
from mirage.data.decoding import pixel_hash
from mirage.errors import MirageError
from mirage.runtime import files, integrity

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from mirage.data.listing import Photo


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one photograph.

    Attributes:
        name: its name.
        stamp: size and time of its file, so that a replaced one is noticed.
        shape: of its pixels, [C, H, W]; empty if it cannot be used.
        pixel_hash: hash of its pixels; empty if it cannot be used.
        problem: why it cannot be used; empty if it can.
        handled: what was odd about it.
        doubts: what makes it doubtful, each with its number.
    """

    name: str
    stamp: tuple[int, int]
    shape: tuple[int, ...] = ()
    pixel_hash: str = ""
    problem: str = ""
    handled: tuple[str, ...] = ()
    doubts: tuple[tuple[str, float], ...] = ()

    def line(self) -> list[Any]:
        """All fields, as the journal keeps them."""
        return list(astuple(self))

    @classmethod
    def of(cls, line: Sequence[Any]) -> "Outcome":
        """Rebuild from what ``line`` gave."""
        name, (size, changed), shape, pixel_hash, problem, handled, doubts = line
        told = tuple((kind, number) for kind, number in doubts)
        return cls(name, (size, changed), tuple(shape), pixel_hash, problem, tuple(handled), told)


def stamp_of(path: Path) -> tuple[int, int]:
    """Size in bytes and time of the last change in ns."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns


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
            MirageError: another process is at this very work; the disk is full, read-only or may
                not be written to.
        """
        self.folder, self.pixels = folder, folder / "pixels.part"
        self._lines = folder / "journal.jsonl"
        self._every_s, self._saved = every_s, time.monotonic()
        self.outcomes: list[Outcome] = []
        self._waiting: list[Outcome] = []
        self._digest = integrity.hasher()  # of all pixels so far
        text = json.dumps(identity, sort_keys=True, default=str)
        heading = json.dumps({"identity": hashlib.blake2b(text.encode()).hexdigest()})
        with files.explaining_disk(folder):
            folder.mkdir(parents=True, exist_ok=True)
            self._lock = _locked(folder / "lock")
            ends = self._resume(heading, photos)
            self._file: BinaryIO = self.pixels.open("r+b" if ends else "w+b")
            self._journal = self._lines.open("r+b" if ends else "w+b")
            pixel_end, line_end = ends or (stream.flat_start(), 0)
            for file, end in ((self._file, pixel_end), (self._journal, line_end)):
                file.truncate(end)
                file.seek(end)
            if not ends:
                self._journal.write(heading.encode() + b"\n")

    def __enter__(self) -> "Journal":
        return self

    def __exit__(self, *_: object) -> None:
        for file in (self._file, self._journal, self._lock):
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
                content = np.ascontiguousarray(pixels).reshape(-1).data
                self._file.write(content)
                self._digest.update(content)
            self._waiting.append(outcome)
            if time.monotonic() - self._saved >= self._every_s:
                self.save()

    def save(self) -> None:
        """Finish the shard: from here an interrupted preparation goes on.

        Raises:
            MirageError: the disk is full or its quota used up.
        """
        line = json.dumps([outcome.line() for outcome in self._waiting]).encode()
        with files.explaining_disk(self.pixels):
            _flush(self._file)
            self._journal.write(b"%s %s\n" % (_checksum(line), line))
            _flush(self._journal)
        self.outcomes += self._waiting
        self._waiting = []
        self._saved = time.monotonic()

    def finish(self) -> None:
        """Finish the last shard and give the pixels their header; the file is then whole."""
        self.save()
        with files.explaining_disk(self.pixels):
            size = sum(math.prod(outcome.shape) for outcome in self.outcomes if outcome.shape)
            stream.finish_flat(self._file, size, self._digest)
            _flush(self._file)

    def discard(self) -> None:
        """Remove what is left once the store is whole."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _resume(self, heading: str, photos: "Sequence[Photo]") -> tuple[int, int] | None:
        """Keep what is whole and still true; return where pixels and journal go on."""
        if not (self._lines.exists() and self.pixels.exists()):
            return None
        with self._lines.open("rb") as lines, self.pixels.open("rb") as pixels:
            if lines.readline() != heading.encode() + b"\n":
                return None
            pixels.seek(stream.flat_start())
            ends = pixels.tell(), lines.tell()
            for shard in _shards(lines):
                digest = self._digest.copy()
                if not _holds(shard, photos[len(self.outcomes) :], pixels, digest):
                    break
                self._digest = digest
                self.outcomes += shard
                ends = pixels.tell(), lines.tell()
        return ends


def _locked(path: Path) -> BinaryIO:
    """Open a file that no second process gets at the same time."""
    file = path.open("wb")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno == errno.EWOULDBLOCK:
            raise MirageError(
                f"{path.parent} is being written by another process",
                remedy="let it end, or end it, then run the same command again",
            ) from error
        # Some network file systems know no locks; the journal's hashes still find a mix-up.
    return file


def _shards(lines: BinaryIO) -> Iterator[list[Outcome]]:
    """Yield shards up to the first line that is not whole."""
    for line in iter(lines.readline, b""):
        checksum, _, content = line.rstrip(b"\n").partition(b" ")
        if checksum != _checksum(content) or not line.endswith(b"\n"):
            return
        yield [Outcome.of(outcome) for outcome in json.loads(content)]


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
            content = np.frombuffer(pixels.read(math.prod(outcome.shape)), dtype=np.uint8)
            if len(content) != math.prod(outcome.shape):
                return False
            if pixel_hash(content.reshape(outcome.shape)) != outcome.pixel_hash:
                return False
            digest.update(content)
    return True


def _checksum(line: bytes) -> bytes:
    return hashlib.blake2b(line, digest_size=16).hexdigest().encode()


def _flush(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())
