"""Official batches of stage 2, which set what is shared, and their stacking on a device."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol, TypeVar

import torch
from torch import Tensor

from mirage.attacks.terms import FeatureStatistics
from mirage.recipes import Sharing
from mirage.streams import generator


class Batch(NamedTuple):
    """One official batch: rows [start, stop) of all latents; never straddles two classes."""

    label: int
    number: int
    start: int
    stop: int


def official_batches(classes: Sequence[int], count: int, size: int) -> list[Batch]:
    """Cut ``count`` latents of each class into batches of ``size``; a class's last may be short."""
    return [
        Batch(label, number, place * count + low, place * count + min(low + size, count))
        for place, label in enumerate(classes)
        for number, low in enumerate(range(0, count, size))
    ]


class _Span(Protocol):
    @property
    def start(self) -> int: ...
    @property
    def stop(self) -> int: ...


Span = TypeVar("Span", bound=_Span)


def stacked(batches: Sequence[Span], device_batch: int) -> Iterator[list[Span]]:
    """Gather consecutive batches until one more would exceed ``device_batch`` latents."""
    stack: list[Span] = []
    for batch in batches:
        if stack and batch.stop - stack[0].start > device_batch:
            yield stack
            stack = []
        stack.append(batch)
    if stack:
        yield stack


def crop_streams(
    batches: Sequence[Batch], crop: Sharing, size: int, seed: int
) -> Iterator[torch.Generator]:
    """Open the streams of the crops, one per batch or one per latent.

    They are named by class and batch, or class and place within the class, so a latent meets the
    same crops whatever else runs beside it.

    ``size`` is that of a whole official batch, ``seed`` the attack's.
    """
    for label, number, start, stop in batches:
        if crop == "shared":
            yield generator(seed, "attacks", "optimisation", "batch", label, number)
            continue
        for place in range(number * size, number * size + stop - start):
            yield generator(seed, "attacks", "optimisation", "image", label, place)


def noise_of(
    batches: Sequence[Batch], steps: int, width: int, seed: int, device: str
) -> Tensor | None:
    """Draw the noise of a classifier's passes, [steps, latents, width]; None without a width.

    Class and official batch name its stream, so a latent meets the same noise whatever else runs
    beside it, and whatever was interrupted.

    Args:
        batches: official batches.
        steps: optimiser steps.
        width: normal values that the classifier takes for each image.
        seed: of the attack.
        device: where the noise goes.
    """
    if width == 0:
        return None
    parts = [
        torch.randn(
            steps, stop - start, width,
            generator=generator(seed, "attacks", "optimisation", "noise", label, number),
        )
        for label, number, start, stop in batches
    ]  # fmt: skip
    return torch.cat(parts, dim=1).to(device)


def feature_references(
    batches: Sequence[Batch], steps: int, statistics: FeatureStatistics, drawn: bool, seed: int
) -> Tensor:
    """Make the features f_reg the regulariser pulls to, [steps, len(batches), D].

    They are the mean of those of public images, or ``drawn`` anew, from the normal distribution
    with their statistics, for every batch and step.
    """
    mean, std = statistics
    if not drawn:
        return mean.expand(steps, len(batches), -1)
    streams = [generator(seed, "attacks", "features", b.label, b.number) for b in batches]
    draws = [torch.randn(steps, len(mean), generator=stream) for stream in streams]
    return mean + std * torch.stack(draws, dim=1).to(mean)
