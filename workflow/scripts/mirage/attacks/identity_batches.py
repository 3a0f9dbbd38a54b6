"""Official batches with a latent of each of several classes, and draws that name their rows."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mirage.streams import generator

_BLOCK = 32  # steps drawn at once: a stream costs more to open than to draw from


class IdentityBatch(NamedTuple):
    """One official batch in one restart: rows [start, stop) of all, one for each of its classes."""

    labels: tuple[int, ...]
    restart: int
    start: int
    stop: int


def identity_batches(classes: Sequence[int], size: int, restarts: int) -> list[IdentityBatch]:
    """Cut classes, in their order, into batches of ``size``; the last may be short.

    A batch's restarts follow one another.
    """
    return [
        IdentityBatch(labels, restart, start, start + len(labels))
        for low in range(0, len(classes), size)
        for labels in [tuple(classes[low : low + size])]
        for restart in range(restarts)
        for start in [low * restarts + restart * len(labels)]
    ]


def by_class(rows: Tensor, batches: Sequence[IdentityBatch]) -> Tensor:
    """Order the rows of all batches, [rows, m, D], by class: [K, restarts * m, D]."""
    found: dict[tuple[int, ...], list[Tensor]] = {}
    for batch in batches:
        found.setdefault(batch.labels, []).append(rows[batch.start : batch.stop])
    return torch.cat([torch.cat(restarts, dim=1) for restarts in found.values()])


def names(batches: Sequence[IdentityBatch]) -> list[tuple[int, int]]:
    """Class and restart of each row."""
    return [(label, batch.restart) for batch in batches for label in batch.labels]


class RowDraws:
    """Normal values for rows and steps, from streams that class, restart and step name.

    A row meets the same values whatever runs beside it and whatever was interrupted.
    """

    def __init__(
        self, purpose: str, rows: Sequence[tuple[int, int]], width: int, seed: int, device: str
    ) -> None:
        """Draw nothing yet.

        Args:
            purpose: what the draws are for, part of the streams' names.
            rows: class and restart of each row.
            width: values per row and step; 0 for none.
            seed: of the attack.
            device: where they go.
        """
        self.purpose, self.rows, self.width = purpose, rows, width
        self.seed, self.device = seed, device
        self._held: tuple[int, Tensor] | None = None

    def at(self, step: int) -> Tensor:
        """Values of one step, [N, width]; steps are asked for in rising order."""
        block, place = divmod(step, _BLOCK)
        if self._held is None or self._held[0] != block:
            parts = [torch.randn(_BLOCK, self.width, generator=s) for s in self._streams(block)]
            self._held = block, torch.stack(parts, dim=1).to(self.device)
        return self._held[1][place]

    def arguments(self, step: int) -> tuple[Tensor, ...]:
        """The same as arguments behind the images of a network's pass: none without a width."""
        return (self.at(step),) if self.width else ()

    def _streams(self, block: int) -> Iterator[torch.Generator]:
        for name in self.rows:
            yield generator(self.seed, "attacks", "recovery", self.purpose, *name, block)
