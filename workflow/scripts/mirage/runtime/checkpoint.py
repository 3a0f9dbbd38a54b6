"""State of interrupted work, kept beside the output until that output is whole.

Snakemake deletes the declared outputs of a failed job, so the state is a file it does not know.
The state carries the identity of the work (recipe, inputs, code digest); another identity, or a
damaged file, means a fresh start, never a wrong resumption.
"""

import hashlib
import json
import logging
import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mirage.errors import Interrupted, MirageError
from mirage.runtime import claims, effort, files, integrity, signals
from mirage.runtime.devices import device_name

_log = logging.getLogger("mirage")
_REST = 20.0  # a state of gigabytes is saved less often: work lasts this many times a save

State = dict[str, Any]
"""Named tensors; counters are 0-d int64 tensors."""


class Checkpoint:
    """Saves state at intervals of wall time, and at once when the job is told to stop."""

    def __init__(
        self, path: str | Path | None, identity: Mapping[str, Any], every_s: float | None = None
    ) -> None:
        """Name the state file and the work it belongs to.

        Args:
            path: state file; None keeps no state (short work, or a caller who wants none).
            identity: JSON-able description of the work; state of other work is thrown away.
            every_s: seconds of wall time between two saves, at least; 0 saves at every tick. None
                takes MIRAGE_CHECKPOINT_S, or 60.
        """
        self.path = Path(path) if path is not None else None
        self.identity = digest_of(identity)
        told = os.environ.get("MIRAGE_CHECKPOINT_S", "60")
        self.every_s = float(told) if every_s is None else every_s
        if self.path is not None:
            signals.listen()
        self._saved = time.monotonic()
        self._rest_s = 0.0

    def load(self) -> State | None:
        """Return the saved state of this very work, or None for a fresh start."""
        if self.path is None or not self.path.exists():
            return None
        try:
            if integrity.digest(self.path) is None:
                raise MirageError(f"{self.path} carries no digest")
            header = files.read_metadata(self.path)
            if header.get("identity") != self.identity:
                _log.info(
                    "state in %s belongs to other settings or code: starting afresh", self.path
                )
                return None
            state = files.load_tensors(self.path)
            made_with, earlier = header.get("made_with"), effort.Effort(**header["effort"])
        except (MirageError, KeyError, TypeError) as error:
            _log.warning("%s Starting afresh.", error)
            return None
        _log.info("resuming from %s", self.path)
        if made_with != _made_with():
            _log.warning(
                "the state was made with %s, this is %s: where rounding differs, so may the result "
                "from an uninterrupted run's", made_with, _made_with(),
            )  # fmt: skip
        effort.resume(earlier)
        return state

    def tick(self, state: Callable[[], State]) -> None:
        """Call after each step: saves when it is time, and stops when the job must stop.

        Args:
            state: makes the state; called only when a save is due.

        Raises:
            Interrupted: a stop was asked for; the state is saved first.
        """
        stop = signals.stop_requested()
        if stop or time.monotonic() - self._saved >= max(self.every_s, self._rest_s):
            self.save(state())
        if stop:
            raise Interrupted

    def save(self, state: State) -> None:
        """Write the state now.

        Raises:
            MirageError: another job has taken this work over; the disk is full or read-only.
        """
        if self.path is None:
            return
        claims.insist()
        began = time.monotonic()
        header = {
            "identity": self.identity,
            "effort": effort.so_far()._asdict(),
            "made_with": _made_with(),
        }
        files.save_tensors(self.path, state, header)
        self._saved = time.monotonic()
        if self.every_s > 0:
            self._rest_s = _REST * (self._saved - began)

    def discard(self) -> None:
        """Remove the state once the output is whole."""
        if self.path is not None:
            self.path.unlink(missing_ok=True)


def digest_of(identity: Mapping[str, Any]) -> str:
    """Digest of the JSON-able description of a piece of work."""
    text = json.dumps(identity, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _made_with() -> str:
    """What rounding depends on beyond the identity: no reason to throw work away, but to tell."""
    import torch

    return f"PyTorch {torch.__version__}, {torch.get_num_threads()} threads, {device_name()}"
