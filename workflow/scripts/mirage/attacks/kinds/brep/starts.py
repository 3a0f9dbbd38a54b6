"""Where the walks start: the first latent of a common sequence that the target sees a class in."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mirage.attacks.kinds.brep.asking import Asker
from mirage.attacks.kinds.brep.recipe import BrepRecipe
from mirage.runtime.checkpoint import Checkpoint, State
from mirage.runtime.progress import Progress
from mirage.streams import generator


@dataclass
class Starts:
    """Latents found so far.

    Attributes:
        classes: attacked classes, int64 [K].
        z: start of each class, [K, z_dim]; 0 where there is none.
        found: whether there is one, bool [K].
        queries: latents looked at until it came, or at all, int64 [K].
        batches: how many were looked at.
    """

    classes: Tensor
    z: Tensor
    found: Tensor
    queries: Tensor
    batches: int = 0

    @classmethod
    def none(cls, classes: Sequence[int], z_dim: int) -> "Starts":
        """Nothing is found yet."""
        count = len(classes)
        nowhere, no = torch.zeros(count, z_dim), torch.zeros(count, dtype=torch.bool)
        return cls(torch.tensor(classes), nowhere, no, torch.zeros(count, dtype=torch.int64))

    def state(self) -> State:
        """Everything a resumed search needs."""
        return {
            "start": self.z, "found": self.found, "queries": self.queries,
            "batches": torch.tensor(self.batches),
        }  # fmt: skip

    def restore(self, state: State) -> None:
        """Take over what ``state`` returned."""
        self.z, self.found, self.queries = state["start"], state["found"], state["queries"]
        self.batches = int(state["batches"])


def search(
    starts: Starts, ask: Asker, recipe: BrepRecipe, seed: int, checkpoint: Checkpoint
) -> None:
    """Look at batches of latents until each class has a start or the batches are used up.

    All classes look at one sequence of latents, which depends on the seed alone. A class's queries
    are those of a search for it alone, although one question serves all classes.

    Source: BREP-MI's range of labels; its limit is ours (quirk endless-start).
    """
    size, count = recipe.start_batch, len(starts.classes)
    progress = Progress("starting points", count, int(starts.found.sum()))
    with progress:
        while starts.batches < recipe.start_batches and not starts.found.all():
            name = ("start", starts.batches)
            stream = generator(seed, "attacks", "brep", *name)
            z = torch.randn(size, starts.z.shape[1], generator=stream)
            z = z.clamp(-recipe.clamp, recipe.clamp)
            # Of an unconditional prior, to which a class says nothing.
            (labels,) = ask(z[None], torch.zeros(1, dtype=torch.int64), [name])
            hits = labels[None] == starts.classes[:, None]  # [K, size]
            place = hits.int().argmax(dim=1)
            new = hits.any(dim=1) & ~starts.found
            starts.z = torch.where(new[:, None], z[place], starts.z)
            looked = torch.where(hits.any(dim=1), place + 1, size)
            starts.queries = starts.queries + torch.where(starts.found, 0, looked)
            starts.found = starts.found | new
            starts.batches += 1
            progress.advance(int(new.sum()))
            checkpoint.tick(starts.state)
