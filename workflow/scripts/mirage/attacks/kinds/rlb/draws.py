"""All random numbers of the attack, drawn in blocks of episodes from streams named by class."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from mirage.attacks.kinds.rlb.recipe import RlbRecipe
from mirage.streams import generator

PASSES = 3
"""Queries of an episode: image of the latent, image of the action, image of the test draw."""

_BLOCK = {"published": 64, "textbook": 8}  # episodes; the textbook's draws are 25,600 times as many
_BITS = 31


class Draw(NamedTuple):
    """What one pass of K learners needs.

    Attributes:
        states: of the episode and of the test draw before it, standard normal [K, 2, z_dim].
        noise: of these two actions, [K, 2, 1 or z_dim].
        update_noise: of the actions in the update, [K, 1 or batch_size, 1 or z_dim].
        picked: entries of the replay in the update, all different, int64 [K, batch_size]; of no
            meaning while it holds fewer.
        target_noise: of a target that draws, [K, 3, width], else of no width.
    """

    states: Tensor
    noise: Tensor
    update_noise: Tensor
    picked: Tensor
    target_noise: Tensor


class EpisodeDraws:
    """The draws of a run, pass by pass; the same whichever classes run together, and resumed."""

    def __init__(
        self,
        recipe: RlbRecipe,
        classes: Sequence[int],
        seed: int,
        z_dim: int,
        noise_width: int,
        device: str,
    ) -> None:
        """Name the streams.

        Args:
            recipe: the stage's settings.
            classes: the K attacked classes.
            seed: of the attack.
            z_dim: width of states and actions.
            noise_width: normal values that the target takes for each image.
            device: where the draws go.
        """
        self.recipe, self.classes, self.seed, self.device = recipe, classes, seed, device
        self.z_dim, self.noise_width = z_dim, noise_width
        self._length = _BLOCK[recipe.learner]
        self._block = -1
        self._parts: list[Tensor] = []

    def at(self, step: int) -> Draw:
        """The draws of pass ``step``."""
        block, row = divmod(step, self._length)
        if block != self._block:
            self._block, self._parts = block, self._drawn(block)
        return Draw(*(part[:, row] for part in self._parts))

    def _drawn(self, block: int) -> list[Tensor]:
        recipe, length = self.recipe, self._length
        rows, width = (1, 1) if recipe.learner == "published" else (recipe.batch_size, self.z_dim)

        def normal(*shape: int) -> Callable[[torch.Generator], Tensor]:
            return lambda stream: torch.randn(length, *shape, generator=stream)

        def integers(stream: torch.Generator) -> Tensor:
            return torch.randint(2**_BITS, (length, recipe.batch_size), generator=stream)

        entries = torch.arange(block * length, (block + 1) * length, device=self.device) + 1
        raw = self._of_learners("replay", integers, block)
        return [
            self._spread(self._of_learners("states", normal(2, self.z_dim), block)),
            self._spread(self._of_learners("actions", normal(2, width), block)),
            self._spread(self._of_learners("update", normal(rows, width), block)),
            self._spread(distinct(raw, entries)),
            # The target's noise is not the learner's: it is the class's in both ways of seeding.
            self._of_classes("target", normal(PASSES, self.noise_width), block),
        ]

    def _of_learners(
        self, what: str, draw: Callable[[torch.Generator], Tensor], block: int
    ) -> Tensor:
        """One row for all learners, or one for each."""
        if self.recipe.seeding == "per_class":
            return self._of_classes(what, draw, block)
        return draw(stream(self.seed, what, block))[None].to(self.device)

    def _of_classes(
        self, what: str, draw: Callable[[torch.Generator], Tensor], block: int
    ) -> Tensor:
        parts = [draw(stream(self.seed, what, label, block)) for label in self.classes]
        return torch.stack(parts).to(self.device)

    def _spread(self, rows: Tensor) -> Tensor:
        return rows.expand(len(self.classes), *rows.shape[1:])


def stream(seed: int, *names: str | int) -> torch.Generator:
    """A stream of this attack."""
    return generator(seed, "attacks", "rlb", *names)


def distinct(raw: Tensor, entries: Tensor) -> Tensor:
    """Make draws without replacement of independent integers (Floyd's algorithm).

    Every subset is equally likely, up to n / 2^31.

    Args:
        raw: uniform in [0, 2^31), int64 [K, T, b].
        entries: n of each of the T draws, int64 [T]; fewer than b count as b.

    Returns:
        int64 [K, T, b]; in each row b different numbers in [0, n).
    """
    size = raw.shape[-1]
    chosen = torch.empty_like(raw)
    for place in range(size):
        top = entries.clamp(min=size) - size + place  # [T], the largest that may come
        number = (raw[..., place] * (top + 1)) >> _BITS
        taken = (chosen[..., :place] == number[..., None]).any(dim=-1)
        chosen[..., place] = torch.where(taken, top, number)
    return chosen
