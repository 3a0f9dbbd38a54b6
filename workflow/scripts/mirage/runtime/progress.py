"""Progress of long work: a bar on a terminal, plain lines with the time left elsewhere."""

import logging
import os
import sys
import time
from typing import Any, TypeVar

from mirage.visible import visible

Item = TypeVar("Item")
_LINE_EVERY_S = float(os.environ.get("MIRAGE_PROGRESS_S", "10"))
_log = logging.getLogger("mirage")


class Progress:
    """Counts steps of one piece of work and says how far it is.

    Use as a context manager; ``advance`` after each step. Under a workflow several jobs share one
    terminal, so a job writes lines; a bar is drawn only where a person called the library itself.
    """

    def __init__(self, label: str, total: int, done: int = 0) -> None:
        """Start counting at ``done`` of ``total`` steps; ``label`` names them in each line."""
        self.label, self.total, self.done = visible(label), total, done
        self._first, self._started = done, time.monotonic()
        self._spoken = self._started
        self._bar: Any = None
        if sys.stderr.isatty() and not os.environ.get("MIRAGE_JOB"):
            from tqdm import tqdm

            self._bar = tqdm(desc=label, total=total, initial=done, leave=False)

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def advance(self, steps: int = 1, note: str = "") -> None:
        """Count ``steps`` more; ``note`` (a loss, say) is shown beside the count."""
        self.done += steps
        if self._bar is not None:
            self._bar.set_postfix_str(note, refresh=False)
            self._bar.update(steps)
            return
        now = time.monotonic()
        if now - self._spoken >= _LINE_EVERY_S:
            self._spoken = now
            pace = (now - self._started) / max(self.done - self._first, 1)
            left = pace * (self.total - self.done)
            share = self.done / max(self.total, 1)
            tail = f", {note}" if note else ""
            _log.info(
                "%s: %d/%d (%.0f %%), %s left%s",
                self.label, self.done, self.total, 100 * share, clock(left), tail,
            )  # fmt: skip


def clock(seconds: float) -> str:
    """Write a duration as people read it: ``8 s``, ``3 min 20 s``, ``2 h 05 min``."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
