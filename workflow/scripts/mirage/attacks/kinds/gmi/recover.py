"""The stage: latents descend from several random starts; each final iterate is a result."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from mirage.attacks.descent import BOUND, reconstructed, recover
from mirage.attacks.given import Given
from mirage.attacks.identity_batches import IdentityBatch
from mirage.attacks.inversion_loss import InversionLoss, PriorDoubt, inversion_loss
from mirage.attacks.kinds.gmi.recipe import GmiRecoveryRecipe
from mirage.attacks.results import Reconstructed
from mirage.runtime.checkpoint import State
from mirage.streams import generator


def run(given: Given) -> Reconstructed:
    """Run the stage."""
    recipe = GmiRecoveryRecipe.of(given.settings)
    prior = given.prior()
    goal = inversion_loss(given, recipe, prior, doubt_of(given.critic()))
    latents = recover_points(given, recipe, goal, prior.z_dim)
    return reconstructed(given, recipe, goal, latents)


def doubt_of(critic: Callable[[Tensor], Tensor]) -> PriorDoubt:
    """GMI's prior loss: the negative score of a WGAN's critic, which sees every image alone."""
    return lambda images, _: -critic(images).reshape(len(images))


def recover_points(
    given: Given, recipe: GmiRecoveryRecipe, goal: InversionLoss, z_dim: int
) -> Tensor:
    """Descend from ``recipe.restarts`` starts for every class; see ``descent.recover``.

    Returns:
        Final latents, float32 [K, restarts, z_dim], in [-1, 1], on the CPU.

    Source: GMI's inversion in KED-MI's and LOMMA's code.
    """

    def begin(batches: list[IdentityBatch]) -> PointDescent:
        start = starts(batches, recipe.seeding, z_dim, given.seed)
        return PointDescent(start.to(given.device), recipe.lr, recipe.momentum)

    return recover(given, recipe, recipe.restarts, goal, begin)


def starts(batches: Sequence[IdentityBatch], seeding: str, z_dim: int, seed: int) -> Tensor:
    """Standard normal latents of the rows of consecutive official batches, [N, z_dim].

    ``same`` names streams by the place in the batch, ``own`` by the class.
    """
    rows = [
        torch.randn(
            z_dim,
            generator=generator(
                seed, "attacks", "recovery", "start", seeding, batch.restart,
                place if seeding == "same" else label,
            ),
        )
        for batch in batches
        for place, label in enumerate(batch.labels)
    ]  # fmt: skip
    return torch.stack(rows)


class PointDescent:
    """Nesterov's SGD on the latents themselves, clamped after each step.

    With velocity v, gradient g, momentum m and learning rate l: v' = m v - l g and
    z' = z - m v + (1 + m) v', which is PyTorch's SGD with ``nesterov=True``. The clamp leaves the
    velocity alone, and the start is not clamped: the first pass alone sees values beyond 1.
    """

    def __init__(self, start: Tensor, lr: float, momentum: float) -> None:
        """Take over the start, [N, z_dim], on the device."""
        self.z, self.velocity = start.clone().requires_grad_(), torch.zeros_like(start)
        self.lr, self.momentum = lr, momentum
        self.parameters = (self.z,)

    def latents(self, _: int) -> Tensor:
        """The latents, [N, z_dim]."""
        return self.z

    @torch.no_grad()
    def move(self, gradients: Sequence[Tensor]) -> None:
        """One step."""
        before = self.velocity
        self.velocity = self.momentum * before - self.lr * gradients[0]
        self.z.sub_(self.momentum * before).add_((1 + self.momentum) * self.velocity)
        self.z.clamp_(-BOUND, BOUND)

    def results(self) -> Tensor:
        """The latents, [N, 1, z_dim]."""
        return self.z[:, None]

    def state(self) -> State:
        """Latents and velocity."""
        return {"z": self.z, "velocity": self.velocity}

    @torch.no_grad()
    def restore(self, state: State) -> None:
        """Take over what ``state`` returned."""
        self.z.copy_(state["z"])
        self.velocity = state["velocity"].to(self.z.device)
