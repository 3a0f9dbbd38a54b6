"""Training of GMI's general GAN: Wasserstein losses with a gradient penalty.

Sources: Gulrajani et al., NeurIPS 2017; Zhang et al., CVPR 2020 (GMI), by the KED-MI repository's
code for the general GAN.
"""

import torch
from torch import Tensor

from mirage.priors.gans import adversarial
from mirage.priors.gans.critic import Critic
from mirage.priors.gans.deconvolution import DeconvolutionGenerator
from mirage.priors.gans.recipe import WganTrainingRecipe
from mirage.priors.gans.training import (
    Duel,
    EpochBatches,
    TrainedPair,
    check_images,
    unit,
)
from mirage.priors.opponents import descend
from mirage.runtime.checkpoint import Checkpoint
from mirage.streams import generator as stream


def train_wgan(
    images: Tensor, recipe: WganTrainingRecipe, seed: int, checkpoint: Checkpoint, device: str
) -> TrainedPair:
    """Train the general GAN on public images.

    On the CPU the result depends on images, recipe and seed alone, bit for bit, however often the
    training was interrupted; on a GPU some kernels add in a changing order.

    Args:
        images: public images, uint8 [N, C, px, px], in an order that belongs to the result.
        recipe: networks, losses and schedule.
        seed: names the random streams.
        checkpoint: where the state is kept; the caller discards it once the result is written.
        device: where to train.

    Raises:
        MirageError: the images do not fit the recipe, or a loss is no finite number.
        Interrupted: the job was told to stop; the state is saved.
    """
    check_images(images, recipe.generator, recipe.batch_size)
    return _Wgan(images, recipe, seed, device).run(checkpoint)


class _Wgan(Duel):
    """A step is one of the critic; every few steps the generator takes one, too."""

    columns = ("critic", "penalty", "generator")

    def __init__(self, images: Tensor, recipe: WganTrainingRecipe, seed: int, device: str) -> None:
        self.batches = EpochBatches(len(images), recipe.batch_size, seed, "priors", "wgan", "order")
        super().__init__(
            DeconvolutionGenerator(recipe.generator, seed), Critic(recipe.discriminator, seed),
            recipe.optimiser, recipe.epochs * self.batches.per_epoch, device,
        )  # fmt: skip
        self.recipe, self.seed, self.images = recipe, seed, images.to(device)

    def step(self) -> dict[str, Tensor]:
        recipe, draws = self.recipe, stream(self.seed, "priors", "wgan", "critic", self.done)
        reals = unit(self.images[self.batches.rows(self.done).to(self.device)])
        with torch.no_grad():
            fakes = self.generator(self._latents(draws))
        shares = torch.rand(recipe.batch_size, generator=draws).to(self.device)
        between = adversarial.mixed(reals, fakes, shares).requires_grad_()
        # Each score is its image's own: one pass does for both. Those between are differentiated
        # twice, so they have a pass of their own.
        of_reals, of_fakes = self.discriminator(torch.cat([reals, fakes])).chunk(2)
        critic = adversarial.wasserstein_loss(of_reals, of_fakes)
        penalty = adversarial.gradient_penalty(self.discriminator(between), between)
        descend(self.discriminator_optimiser, critic + recipe.penalty_weight * penalty)
        losses = {"critic": critic, "penalty": penalty}
        if (self.done + 1) % recipe.discriminator_steps == 0:
            losses["generator"] = self._train_generator()
        return losses

    def _train_generator(self) -> Tensor:
        draws = stream(self.seed, "priors", "wgan", "generator", self.done)
        fakes = self.generator(self._latents(draws))
        loss = adversarial.realness_loss(self.discriminator(fakes))
        descend(self.generator_optimiser, loss)
        return loss

    def _latents(self, draws: torch.Generator) -> Tensor:
        z = torch.randn(self.recipe.batch_size, self.generator.z_dim, generator=draws)
        return z.to(self.device)
