"""Questions to a target that answers with a class and nothing else."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor

PassName: TypeAlias = tuple[str | int, ...]

LabelsOf: TypeAlias = Callable[[Tensor, Sequence[PassName]], Tensor]
"""(images [G * m, C, H, W], names of the G groups of m images) -> classes, int64 [G * m].

All that the attack knows of the target. A target that draws noise takes it from streams of these
names, which say class and pass, so an answer does not depend on what is asked beside it.
"""


@dataclass(frozen=True)
class Asker:
    """Latents to classes, in batches that a device holds.

    Attributes:
        generate: prior: (latents [N, z_dim], classes int64 [N]) -> images.
        labels_of: target.
        device: where both run.
        batch: images that go to the device together at most.
    """

    generate: Callable[[Tensor, Tensor], Tensor]
    labels_of: LabelsOf
    device: str
    batch: int

    @torch.no_grad()
    def __call__(self, latents: Tensor, classes: Tensor, names: Sequence[PassName]) -> Tensor:
        """Ask about groups of latents.

        Args:
            latents: [G, m, z_dim], on the CPU.
            classes: those the prior is given, int64 [G].
            names: of the groups.

        Returns:
            The target's classes, int64 [G, m], on the CPU.
        """
        groups, size, _ = latents.shape
        flat, wanted = latents.flatten(0, 1), classes.repeat_interleave(size)
        whole = max(self.batch // size, 1)  # groups that the device takes
        answers = []
        for first in range(0, groups, whole):
            rows = slice(first * size, (first + whole) * size)
            images = self.generate(flat[rows].to(self.device), wanted[rows].to(self.device))
            answers.append(self.labels_of(images, names[first : first + whole]).cpu())
        return torch.cat(answers).view(groups, size)
