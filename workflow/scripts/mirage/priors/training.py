"""Training an image prior: StyleGAN2 with differentiable augmentation, for few images.

Sources: StyleGAN2 (Karras et al., CVPR 2020) and its official code for losses and schedule;
DiffAugment (Zhao et al., NeurIPS 2020) for training on few images. Left out or changed, for cost:
one batch of synthesised images serves the discriminator's step and then the generator's, there is
no style mixing (the attack uses one w in every layer), and R1 is taken at the augmented images.
"""

import copy
from typing import NamedTuple

import torch
from torch import Tensor

from mirage.errors import MirageError
from mirage.numerics import numerics
from mirage.optimisers import Optimiser
from mirage.priors import losses, opponents
from mirage.priors.augmentation import REAL_DRAWS, SHARED_DRAWS, augment_reals, augment_shared
from mirage.priors.opponents import descend
from mirage.priors.recipe import PriorRecipe, lazy_optimiser_recipe
from mirage.priors.stylegan2.discriminator import Discriminator
from mirage.priors.stylegan2.generator import Generator
from mirage.runtime.checkpoint import Checkpoint, State
from mirage.runtime.progress import Progress
from mirage.streams import generator as stream

_NOTE_EVERY = 50
_NETWORKS = ("generator", "average", "discriminator")


class TrainedPrior(NamedTuple):
    """What training leaves, on the training device.

    Attributes:
        generator: moving average of the generator's weights, frozen, in eval mode.
        discriminator: last discriminator, frozen, in eval mode.
    """

    generator: Generator
    discriminator: Discriminator


def train_prior(
    images: Tensor, recipe: PriorRecipe, seed: int, checkpoint: Checkpoint, device: str
) -> TrainedPrior:
    """Train a StyleGAN2 on a set of images.

    On the CPU the result depends on images, recipe and seed alone, bit for bit, however often the
    training was interrupted; on a GPU some kernels add in a changing order.

    Args:
        images: training images, uint8 [N, C, px, px], in an order that belongs to the result.
        recipe: networks, losses and schedule.
        seed: names the random streams.
        checkpoint: where the state is kept; the caller discards it once the result is written.
        device: where to train.

    Raises:
        MirageError: the images do not fit the generator.
        Interrupted: the job was told to stop; the state is saved.
    """
    training = _Training(images, recipe, seed, device)
    state = checkpoint.load()
    if state is not None:
        training.restore(state)
    with numerics("fp32", device), Progress("training", recipe.steps, training.done) as progress:
        note = ""
        while training.done < recipe.steps:
            judged, made = training.step()
            if training.done % _NOTE_EVERY == 0:
                note = f"D {float(judged):.2f}, G {float(made):.2f}"
            progress.advance(note=note)
            checkpoint.tick(training.state)
    return TrainedPrior(
        training.average.eval(), training.discriminator.eval().requires_grad_(False)
    )


class _Training:
    """Networks, optimisers and counters between two steps."""

    def __init__(self, images: Tensor, recipe: PriorRecipe, seed: int, device: str) -> None:
        channels, image_px = recipe.generator.image_channels, recipe.generator.image_px
        if images.dtype != torch.uint8 or images.shape[1:] != (channels, image_px, image_px):
            raise MirageError(
                f"the prior's training images are {images.dtype} {list(images.shape)}",
                f"uint8 [N, {channels}, {image_px}, {image_px}] for this generator",
                "correct image_px or image_channels in the configuration",
            )
        self.recipe, self.seed, self.device = recipe, seed, device
        self.images = images.to(device)
        self.generator = Generator(recipe.generator, seed).to(device)
        self.discriminator = Discriminator(recipe.discriminator, seed).to(device)
        self.average = copy.deepcopy(self.generator).requires_grad_(False)
        path_interval = recipe.path_interval if recipe.path_weight else None
        r1_interval = recipe.r1_interval if recipe.r1_gamma else None
        lazy = lazy_optimiser_recipe(recipe.optimiser, path_interval)
        self.generator_optimiser = Optimiser(list(self.generator.parameters()), lazy)
        lazy = lazy_optimiser_recipe(recipe.optimiser, r1_interval)
        self.discriminator_optimiser = Optimiser(list(self.discriminator.parameters()), lazy)
        self.mean_length = torch.zeros((), device=device)
        self.done = 0

    def step(self) -> tuple[Tensor, Tensor]:
        """Train the discriminator once, then the generator once, and return their losses, 0-d."""
        recipe = self.recipe
        fakes, ws = self._synthesise(recipe.batch_size, "synthesis")
        self.generator.w_avg.lerp_(ws[:, 0].detach().mean(dim=0), 1 - recipe.w_avg_decay)
        of_reals, of_fakes, of_judged = self._shared_draws()
        reals = self._augment(self._reals(), of_reals)
        judged = self._train_discriminator(reals, self._augment(fakes.detach(), of_fakes))
        made = self._train_generator(self._augment(fakes, of_judged))
        average_weights(
            list(self.average.parameters()), list(self.generator.parameters()), recipe.ema_decay
        )
        self.average.w_avg.copy_(self.generator.w_avg)
        self.done += 1
        return judged, made

    def _train_discriminator(self, reals: Tensor, fakes: Tensor) -> Tensor:
        judge, recipe = self.discriminator, self.recipe
        loss = losses.discriminator_loss(judge(reals), judge(fakes))
        descend(self.discriminator_optimiser, loss)
        if recipe.r1_gamma and self.done % recipe.r1_interval == 0:
            reals = reals.requires_grad_()
            penalty = losses.r1_penalty(judge(reals), reals)
            weighted = recipe.r1_interval * recipe.r1_gamma / 2 * penalty
            descend(self.discriminator_optimiser, weighted)
        return loss.detach()

    def _train_generator(self, fakes: Tensor) -> Tensor:
        recipe = self.recipe
        loss = losses.generator_loss(self.discriminator(fakes))
        descend(self.generator_optimiser, loss)
        if recipe.path_weight and self.done % recipe.path_interval == 0:
            lengths = self._path_lengths()
            self.mean_length.lerp_(lengths.detach().mean(), recipe.path_decay)
            penalty = losses.path_length_penalty(lengths, self.mean_length)
            descend(self.generator_optimiser, recipe.path_interval * recipe.path_weight * penalty)
        return loss.detach()

    def _path_lengths(self) -> Tensor:
        images, ws = self._synthesise(self.recipe.path_batch, "path length")
        draws = stream(self.seed, "priors", "path direction", self.done)
        directions = torch.randn(images.shape, generator=draws).to(self.device)
        return losses.path_lengths(images, ws, directions)

    def _synthesise(self, count: int, name: str) -> tuple[Tensor, Tensor]:
        """Images of fresh latents with fresh noise, and their ws."""
        draws = stream(self.seed, "priors", name, self.done)
        z = torch.randn(count, self.generator.z_dim, generator=draws).to(self.device)
        ws = self.generator.mapping(z)[:, None].expand(-1, self.generator.num_ws, -1)
        return self.generator.synthesis(ws, noise=draws), ws

    def _reals(self) -> Tensor:
        """Training images drawn with replacement, augmented as data: in [-1, 1]."""
        draws = stream(self.seed, "priors", "batch", self.done)
        count = self.recipe.batch_size
        chosen = torch.randint(len(self.images), (count,), generator=draws).to(self.device)
        uniform = torch.rand(count, REAL_DRAWS, generator=draws).to(self.device)
        images = self.images[chosen].float() / 127.5 - 1
        return augment_reals(images, uniform, self.recipe.real_augmentation)

    def _shared_draws(self) -> tuple[Tensor, ...]:
        """Draws of the shared augmentation for reals, fakes and the fakes judged again."""
        draws = stream(self.seed, "priors", "shared augmentation", self.done)
        uniform = torch.rand(3 * self.recipe.batch_size, SHARED_DRAWS, generator=draws)
        return uniform.to(self.device).chunk(3)

    def _augment(self, images: Tensor, draws: Tensor) -> Tensor:
        return augment_shared(images, draws, self.recipe.shared_augmentation)

    def state(self) -> State:
        """Everything the next step depends on."""
        return {
            **opponents.state(self, _NETWORKS),
            "mean_length": self.mean_length,
            "done": torch.tensor(self.done),
        }

    def restore(self, state: State) -> None:
        """Take over what ``state`` returned."""
        opponents.restore(self, _NETWORKS, state)
        self.mean_length.copy_(state["mean_length"])
        self.done = int(state["done"])


@torch.no_grad()
def average_weights(average: list[Tensor], current: list[Tensor], decay: float) -> None:
    """Move a running average towards the current values, in place: a = decay a + (1 - decay) c."""
    torch._foreach_lerp_(average, current, 1 - decay)
