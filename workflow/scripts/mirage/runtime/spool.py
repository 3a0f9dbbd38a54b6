"""Results too large for a state: their pieces, appended to a file as they are made.

A state is written whole at every save; a job's images may take 8 GB. A spool writes each piece
once; the state holds only how far the spool was good and the digest of that much.
"""

import hashlib
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

import torch
from torch import Tensor

from mirage.errors import MirageError
from mirage.runtime import claims
from mirage.runtime.checkpoint import Checkpoint, State

_log = logging.getLogger("mirage")
_LENGTH = 8  # bytes before each piece that tell its size


class Spool:
    """Named rows, collected piece by piece; on disk beside the state of ``checkpoint``.

    Use: ``mark`` goes into every state, ``resume`` comes first, ``joined`` last, and ``discard``
    with the checkpoint's. Without a state file the pieces stay in memory.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        """Start empty, beside the state file of ``checkpoint``."""
        self.pieces = 0
        self._rows: dict[str, int] = {}  # rows held, by name
        self._checkpoint, self._path = checkpoint, _beside(checkpoint)
        self._held: list[State] = []
        self._digest = hashlib.blake2b(digest_size=16)

    def append(self, piece: State) -> None:
        """Take over the next piece: name -> rows [n, ...]; names may differ between pieces."""
        if self._path is None:
            self._held.append(piece)
        else:
            from safetensors.torch import save

            claims.insist()
            content = save({name: rows.contiguous() for name, rows in piece.items()})
            content = len(content).to_bytes(_LENGTH, "little") + content
            # What an earlier, given-up run left is overwritten by the first piece.
            with _writable(self._path, "ab" if self.pieces else "wb") as file:
                file.write(content)
            self._digest.update(content)
        self._count(piece)

    def mark(self) -> State:
        """What a state must hold to resume; all pieces so far are on the disk then."""
        if self._path is not None and self.pieces:
            with _writable(self._path, "ab") as file:
                os.fsync(file.fileno())
        digest = torch.frombuffer(bytearray(self._digest.digest()), dtype=torch.uint8)
        return {"spool.pieces": torch.tensor(self.pieces), "spool.digest": digest}

    def resume(self, state: State | None) -> bool:
        """Take up the pieces that ``state`` vouches for, and drop any later ones.

        Returns:
            Whether they are there; if not, the spool is empty and the work starts afresh.
        """
        if state is None or self._path is None:
            return False
        wanted = int(state["spool.pieces"])
        with suppress(OSError, ValueError):
            end = 0
            for content in _contents(self._path, wanted):
                self._digest.update(content)
                end += len(content)
                self._count(_read(content))
            whole = self.pieces == wanted
            if whole and self._digest.digest() == bytes(state["spool.digest"].tolist()):
                os.truncate(self._path, end)
                return True
        _log.warning("%s does not fit its state. Starting afresh.", self._path)
        self.pieces, self._rows = 0, {}
        self._digest = hashlib.blake2b(digest_size=16)
        return False

    def joined(self) -> State:
        """All rows by name, in order; each tensor is filled in place, never held twice.

        Raises:
            MirageError: the file does not hold what was written to it; it and the state are
                removed.
        """
        whole: State = {}
        filled = dict.fromkeys(self._rows, 0)
        for piece in self._read_back():
            for name, rows in piece.items():
                if name not in whole:
                    whole[name] = rows.new_empty(self._rows[name], *rows.shape[1:])
                whole[name][filled[name] : filled[name] + len(rows)] = rows
                filled[name] += len(rows)
        return whole

    def _read_back(self) -> Iterable[State]:
        if self._path is None:
            return self._held
        # Another process may have written to the file, or the disk lost some of it.
        digest = hashlib.blake2b(digest_size=16)
        with suppress(OSError, ValueError):
            for content in _contents(self._path, self.pieces):
                digest.update(content)
        if digest.digest() != self._digest.digest():
            self._checkpoint.discard()
            discard(self._checkpoint)
            raise MirageError(
                f"{self._path} does not hold what this job wrote to it",
                remedy="run the same command again; this job starts afresh",
            )
        return map(_read, _contents(self._path, self.pieces))

    def _count(self, piece: State) -> None:
        self.pieces += 1
        for name, rows in piece.items():
            self._rows[name] = self._rows.get(name, 0) + len(rows)


def discard(checkpoint: Checkpoint) -> None:
    """Remove the spool beside a checkpoint's state once the output is whole."""
    path = _beside(checkpoint)
    if path is not None:
        path.unlink(missing_ok=True)


def _beside(checkpoint: Checkpoint) -> Path | None:
    return None if checkpoint.path is None else checkpoint.path.with_suffix(".spool")


@contextmanager
def _writable(path: Path, mode: str) -> Iterator[IO[bytes]]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open(mode) as file:
            yield file
    except OSError as error:
        raise MirageError(
            f"cannot write {path} ({error.strerror})",
            remedy="free some space or mend its permissions, then run the same command again",
        ) from error


def _contents(path: Path, count: int) -> Iterator[bytes]:
    """The first ``count`` pieces as they lie in the file, lengths included."""
    with path.open("rb") as file:
        left = os.fstat(file.fileno()).st_size
        for _ in range(count):
            head = file.read(_LENGTH)
            length = int.from_bytes(head, "little")
            left -= _LENGTH + length  # checked first: a damaged length may ask for all memory
            if left < 0:
                raise ValueError("the file ends early")
            yield head + file.read(length)


def _read(content: bytes) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load

    try:
        return load(content[_LENGTH:])
    except SafetensorError as error:
        raise ValueError(f"a damaged piece ({error})") from error
