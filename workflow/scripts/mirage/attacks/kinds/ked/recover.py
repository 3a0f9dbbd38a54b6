"""The stage: a normal distribution of latents for each class descends; results are drawn of it."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor
from torch.nn import functional as F

from mirage.attacks.descent import BOUND, reconstructed, recover
from mirage.attacks.given import Given
from mirage.attacks.identity_batches import IdentityBatch, RowDraws, names
from mirage.attacks.inversion_loss import InversionLoss, PriorDoubt, inversion_loss
from mirage.attacks.kinds.ked.recipe import KedRecoveryRecipe
from mirage.attacks.results import Reconstructed
from mirage.optimisers import Optimiser
from mirage.recipes import OptimiserRecipe
from mirage.runtime.checkpoint import State
from mirage.streams import generator


def run(given: Given) -> Reconstructed:
    """Run the stage."""
    recipe = KedRecoveryRecipe.of(given.settings)
    prior = given.prior()
    goal = inversion_loss(given, recipe, prior, doubt_of(given.critic()))
    latents = recover_distributions(given, recipe, goal, prior.z_dim)
    return reconstructed(given, recipe, goal, latents)


def doubt_of(discriminator: Callable[[Tensor], tuple[Tensor, Tensor]]) -> PriorDoubt:
    """KED-MI's prior loss, -log p(real) = softplus(lse d) - lse d = softplus(-lse d).

    lse d is the log-sum-exp of the discriminator's K logits; its logit of a fake is 0. The
    discriminator compares the images of a batch with one another (minibatch discrimination), so it
    sees each official batch alone.
    """

    def doubt(images: Tensor, sizes: list[int]) -> Tensor:
        logits = torch.cat([discriminator(part)[1] for part in torch.split(images, sizes)])
        return F.softplus(-logits.logsumexp(dim=1))

    return doubt


def recover_distributions(
    given: Given, recipe: KedRecoveryRecipe, goal: InversionLoss, z_dim: int
) -> Tensor:
    """Descend with one distribution for every class; see ``descent.recover``.

    Returns:
        Latents drawn of the last distributions, float32 [K, n_samples, z_dim], on the CPU.

    Source: KED-MI's distributional recovery, in its own and in LOMMA's code.
    """

    def begin(batches: list[IdentityBatch]) -> DistributionDescent:
        return DistributionDescent(batches, recipe, z_dim, given.seed, given.device)

    return recover(given, recipe, 1, goal, begin)


class DistributionDescent:
    """Adam on mean and log-variance; one draw of each distribution per step.

    z = mu + exp(s / 2) eps with mu = 0 and s = 1 at the start, so with a deviation of 1.65.
    """

    def __init__(
        self,
        batches: Sequence[IdentityBatch],
        recipe: KedRecoveryRecipe,
        z_dim: int,
        seed: int,
        device: str,
    ) -> None:
        """Start the rows of consecutive official batches, on the device."""
        rows = names(batches)
        self.mu = torch.zeros(len(rows), z_dim, device=device, requires_grad=True)
        self.log_variance = torch.ones(len(rows), z_dim, device=device, requires_grad=True)
        self.parameters = (self.mu, self.log_variance)
        self._optimiser = Optimiser(self.parameters, OptimiserRecipe("adam", recipe.lr))
        self._eps = RowDraws("eps", rows, z_dim, seed, device)
        self._labels, self._recipe, self._seed = [label for label, _ in rows], recipe, seed

    def latents(self, step: int) -> Tensor:
        """A draw of each distribution, [N, z_dim]."""
        return self._drawn(self.mu, self.log_variance, self._eps.at(step))

    def move(self, gradients: Sequence[Tensor]) -> None:
        """One step."""
        self.mu.grad, self.log_variance.grad = gradients
        self._optimiser.step()

    def results(self) -> Tensor:
        """Draws of each distribution, [N, n_samples, z_dim]."""
        shape = self._recipe.n_samples, self.mu.shape[1]
        streams = [
            generator(self._seed, "attacks", "recovery", "samples", label) for label in self._labels
        ]
        eps = torch.stack([torch.randn(shape, generator=stream) for stream in streams])
        mu, log_variance = self.mu[:, None], self.log_variance[:, None]
        return self._drawn(mu, log_variance, eps.to(self.mu.device))

    def _drawn(self, mu: Tensor, log_variance: Tensor, eps: Tensor) -> Tensor:
        z = mu + (log_variance / 2).exp() * eps
        return z.clamp(-BOUND, BOUND) if self._recipe.clamp else z

    def state(self) -> State:
        """Both parameters and Adam's moments."""
        return {"mu": self.mu, "log_variance": self.log_variance, **self._optimiser.state()}

    @torch.no_grad()
    def restore(self, state: State) -> None:
        """Take over what ``state`` returned."""
        self.mu.copy_(state["mu"])
        self.log_variance.copy_(state["log_variance"])
        self._optimiser.restore(state)
