"""Latents that a device takes together, from their starting points to the final iterate."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor

from mirage import imaging
from mirage.attacks.given import Given
from mirage.attacks.kinds.plg.draws import BLOCK, Step, ViewDraws
from mirage.attacks.kinds.plg.recipe import PlgAttackRecipe
from mirage.attacks.losses import LOSSES
from mirage.optimisers import Optimiser
from mirage.random_views import show
from mirage.runtime.checkpoint import State
from mirage.runtime.progress import Progress


@dataclass(frozen=True)
class MarginDescent:
    """The objective of some latents, and their way down.

    Attributes:
        given: sizes of images, device and state.
        recipe: the stage's settings.
        generate: conditional prior.
        classifier: attacked model.
        draws: of these latents.
    """

    given: Given
    recipe: PlgAttackRecipe
    generate: Callable[[Tensor, Tensor], Tensor]
    classifier: Callable[..., Tensor]
    draws: ViewDraws

    @cached_property
    def labels(self) -> Tensor:
        """Attacked class of each latent, int64 [N]."""
        return torch.tensor([label for label, _ in self.draws.rows], device=self.given.device)

    def losses(self, z: Tensor, step: Step) -> Tensor:
        """Margin losses of the latents' views, [V * N]; those of the first views come first."""
        count = self.recipe.n_views
        unit = (self.generate(z, self.labels) + 1) / 2
        shown = show(unit.repeat(count, 1, 1, 1), step.views, step.orders)
        return LOSSES["margin"](self._logits(2 * shown - 1, step.noise), self.labels.repeat(count))

    def run(self, z_dim: int, state: State, finished: State, progress: Progress) -> Tensor:
        """Take all steps that are left; returns latents [N, z_dim] on the CPU.

        Args:
            z_dim: numbers of a latent.
            state: of an interrupted run of these latents, or nothing.
            finished: what is kept beside this one's state.
            progress: counts steps of a class.
        """
        start = state["z"] if state else self.draws.starts(z_dim)
        z = start.to(self.given.device, copy=True).requires_grad_()
        optimiser = Optimiser([z], self.recipe.optimiser)
        if state:
            optimiser.restore(state)
        block: list[Step] = []
        for number in range(int(state.get("step", 0)), self.recipe.steps):
            if not block or number % BLOCK == 0:
                block = self.draws.block(number // BLOCK)
            total = self.losses(z, block[number % BLOCK]).sum()
            (z.grad,) = torch.autograd.grad(total, z)
            optimiser.step()
            progress.advance(len(z) // self.recipe.restarts)
            running = {"step": torch.tensor(number + 1), "z": z}
            self.given.checkpoint.tick(lambda: finished | running | optimiser.state())  # noqa: B023
        return z.detach().cpu()

    @torch.no_grad()
    def confidences(self, z: Tensor) -> Tensor:
        """Probability of the class in the images of latents, float32 [N] on the CPU."""
        images = self.generate(z.to(self.given.device), self.labels)
        noise = self.draws.noise("score")
        logits = self._logits(images, None if noise is None else noise[:, 0])
        return logits.softmax(dim=1).gather(1, self.labels[:, None])[:, 0].cpu()

    def _logits(self, images: Tensor, noise: Tensor | None) -> Tensor:
        shown = imaging.resize(images, self.given.image_px)
        return self.classifier(shown, *(() if noise is None else (noise.to(images.device),)))
