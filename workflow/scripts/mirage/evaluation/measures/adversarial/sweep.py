"""Work on all images of a test set, block by block, that goes on where it was interrupted."""

from collections.abc import Callable, Mapping
from typing import Self, TypeAlias

import torch
from torch import Tensor

from mirage.runtime.checkpoint import Checkpoint
from mirage.runtime.progress import Progress

PerImage: TypeAlias = Mapping[str, Tensor]
"""Name -> a value of each image, [N]."""


class Sweep:
    """PerImage about N images, each grown block by block.

    Attributes:
        columns: what is known so far, ``WORK.NAME``, on the CPU.
    """

    def __init__(self, label: str, count: int, works: int, checkpoint: Checkpoint) -> None:
        """Take up what an interrupted run left.

        Args:
            label: of the progress lines.
            count: images.
            works: how often ``run`` will be called.
            checkpoint: ticks after each block.
        """
        self.count, self.checkpoint = count, checkpoint
        self.columns: dict[str, Tensor] = dict(checkpoint.load() or {})
        self._done = {name.partition(".")[0]: len(held) for name, held in self.columns.items()}
        self._progress = Progress(label, count * works, sum(self._done.values()))

    def __enter__(self) -> Self:
        self._progress.__enter__()
        return self

    def __exit__(self, *raised: object) -> None:
        self._progress.__exit__(*raised)

    def run(self, work: str, block: int, done_by: Callable[[range], PerImage]) -> PerImage:
        """Do a work on all images that are left.

        Args:
            work: its name.
            block: images at a time, the same as in the run before an interruption.
            done_by: rows of a block -> what is found of them.

        Returns:
            What was found of all images.
        """
        for first in range(self._done.get(work, 0), self.count, block):
            rows = range(first, min(first + block, self.count))
            for name, values in done_by(rows).items():
                held = self.columns.get(f"{work}.{name}", values[:0].cpu())
                self.columns[f"{work}.{name}"] = torch.cat([held, values.cpu()])
            self._progress.advance(len(rows))
            self.checkpoint.tick(lambda: dict(self.columns))
        return {
            name.partition(".")[2]: values
            for name, values in self.columns.items()
            if name.partition(".")[0] == work
        }
