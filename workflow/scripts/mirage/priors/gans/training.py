"""What the trainings of the low-resolution priors have in common: two networks, step by step."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn

from mirage.errors import MirageError
from mirage.numerics import numerics
from mirage.optimisers import Optimiser
from mirage.priors import opponents
from mirage.priors.gans.history import History
from mirage.recipes import OptimiserRecipe
from mirage.runtime.checkpoint import Checkpoint, State
from mirage.runtime.progress import Progress
from mirage.streams import generator as stream

_NETWORKS = ("generator", "discriminator")


class TrainedPair(NamedTuple):
    """What training leaves, on the training device.

    Attributes:
        generator: its last weights, frozen, in eval mode.
        discriminator: the same of the discriminator.
        history: mean losses by column, JSON-able; see ``History.told``.
    """

    generator: Any
    discriminator: Any
    history: dict[str, list[float | None]]


class Duel(ABC):
    """Two networks in training, their optimisers, and the losses so far.

    Attributes:
        columns: names of the losses.
        settings: of the recipe, which may keep the losses from diverging.
        done: steps taken.
    """

    columns: ClassVar[tuple[str, ...]]
    settings: ClassVar[str] = "optimiser.lr"

    def __init__(
        self, generator: nn.Module, discriminator: nn.Module, optimiser: OptimiserRecipe,
        steps: int, device: str,
    ) -> None:  # fmt: skip
        self.generator: Any = generator.to(device).train()
        self.discriminator: Any = discriminator.to(device).train()
        self.generator_optimiser = Optimiser(list(generator.parameters()), optimiser)
        self.discriminator_optimiser = Optimiser(list(discriminator.parameters()), optimiser)
        self.history = History(self.columns, steps, device, self.settings)
        self.steps, self.device, self.done = steps, device, 0

    @abstractmethod
    def step(self) -> dict[str, Tensor]:
        """Train by one step, the one after ``done``; losses by column."""

    def run(self, checkpoint: Checkpoint) -> TrainedPair:
        """Train from where the checkpoint stands to the end.

        Raises:
            MirageError: a loss is no finite number.
            Interrupted: the job was told to stop; the state is saved.
        """
        state = checkpoint.load()
        if state is not None:
            self.restore(state)
        with (
            numerics("fp32", self.device),
            Progress("training", self.steps, self.done) as progress,
        ):
            while self.done < self.steps:
                losses = self.step()
                self.done += 1
                self.history.add(self.done, losses)
                progress.advance(note=self.history.note())
                checkpoint.tick(self.state)
        for network in (self.generator, self.discriminator):
            network.eval().requires_grad_(False)
        return TrainedPair(self.generator, self.discriminator, self.history.told())

    def state(self) -> State:
        """Everything the next step depends on."""
        return {
            **opponents.state(self, _NETWORKS),
            **self.history.state(),
            "done": torch.tensor(self.done),
        }

    def restore(self, state: State) -> None:
        """Take over what ``state`` returned."""
        opponents.restore(self, _NETWORKS, state)
        self.history.restore(state)
        self.done = int(state["done"])


class Shuffles:
    """Numbers 0 to ``count`` - 1 in an endless row of shuffles, each with a stream of its own."""

    def __init__(self, count: int, seed: int, *names: str) -> None:
        self.count, self.seed, self.names = count, seed, names
        self._held, self._order = -1, torch.empty(0, dtype=torch.int64)

    def rows(self, first: int, size: int) -> Tensor:
        """Places [first, first + size) of the row, int64 [size]."""
        parts = []
        while size > 0:
            epoch, place = divmod(first, self.count)
            if epoch != self._held:
                draws = stream(self.seed, *self.names, epoch)
                self._held, self._order = epoch, torch.randperm(self.count, generator=draws)
            parts.append(self._order[place : place + size])
            first, size = first + len(parts[-1]), size - len(parts[-1])
        return torch.cat(parts)


class EpochBatches:
    """Batches of shuffled images, epoch after epoch; what is left of an epoch is dropped."""

    def __init__(self, count: int, batch_size: int, seed: int, *names: str) -> None:
        self.shuffles, self.batch_size = Shuffles(count, seed, *names), batch_size
        self.per_epoch = count // batch_size

    def rows(self, number: int) -> Tensor:
        """Images of the batch of that number since the start, int64 [batch_size]."""
        epoch, place = divmod(number, self.per_epoch)
        return self.shuffles.rows(
            epoch * self.shuffles.count + place * self.batch_size, self.batch_size
        )


def check_images(images: Tensor, config: Any, batch_size: int = 1) -> None:
    """Refuse training images that do not fit the networks, or are fewer than a batch.

    Args:
        images: uint8 [N, C, px, px].
        config: of either network, with ``image_channels`` and ``image_px``.
        batch_size: of which one batch must be whole.

    Raises:
        MirageError: names the setting.
    """
    shape = (config.image_channels, config.image_px, config.image_px)
    if images.dtype != torch.uint8 or images.shape[1:] != shape:
        raise MirageError(
            f"the prior's training images are {images.dtype} {list(images.shape)}",
            f"uint8 [N, {', '.join(map(str, shape))}] for these networks",
            "correct image_px or image_channels in the prior's recipe",
        )
    if len(images) < batch_size:
        raise MirageError(
            f"the prior's training has {len(images)} public images and batch_size {batch_size}",
            "at least one whole batch",
            "lower batch_size in the prior's recipe",
        )


def unit(images: Tensor) -> Tensor:
    """Images uint8 as floats in [0, 1]."""
    return images.float() / 255
