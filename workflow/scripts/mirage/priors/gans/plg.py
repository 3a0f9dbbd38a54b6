"""Training of PLG-MI's conditional GAN on pseudo-labelled images, with the target's max margin.

Source: Yuan et al., AAAI 2023 (PLG-MI), by its repository's code. Reals are in [0, 1 + 1/256] and
fakes in (-1, 1), as published: nothing but the training itself brings them together.
"""

import torch
from torch import Tensor

from mirage.attacks.losses import margin
from mirage.priors.gans import adversarial
from mirage.priors.gans.answers import Answers, check_target
from mirage.priors.gans.conditional import ConditionalGenerator
from mirage.priors.gans.projection import ProjectionDiscriminator
from mirage.priors.gans.pseudo_labels import label
from mirage.priors.gans.recipe import PlgTrainingRecipe
from mirage.priors.gans.training import Duel, Shuffles, TrainedPair, check_images, unit
from mirage.priors.opponents import descend
from mirage.random_views import draw_orders, draw_views, show
from mirage.runtime.checkpoint import Checkpoint
from mirage.streams import generator as stream
from mirage.targets.architectures import Classifier


def train_plg(
    images: Tensor,
    recipe: PlgTrainingRecipe,
    seed: int,
    checkpoint: Checkpoint,
    device: str,
    target: Classifier | None,
) -> TrainedPair:
    """Train the GAN of one target on the public images that it takes for its classes.

    On the CPU the result depends on images, recipe, seed and target alone, bit for bit, however
    often the training was interrupted; on a GPU some kernels add in a changing order.

    Args:
        images: public images, uint8 [N, C, px, px], in an order that belongs to the result.
        recipe: networks, losses and schedule.
        seed: names the random streams.
        checkpoint: where the state is kept; the caller discards it once the result is written.
        device: where to train, and where the target lies.
        target: frozen, in eval mode; stays as it is.

    Raises:
        MirageError: images or target do not fit the recipe, or a loss is no finite number.
        Interrupted: the job was told to stop; the state is saved.
    """
    shape = recipe.discriminator
    check_images(images, shape)
    known = check_target(target, shape.classes, shape.image_channels)
    chosen = label(known, images, recipe.top_n, seed, device).images
    return train_on(images, chosen, recipe, seed, checkpoint, device, known)


def train_on(
    images: Tensor,
    chosen: Tensor,
    recipe: PlgTrainingRecipe,
    seed: int,
    checkpoint: Checkpoint,
    device: str,
    target: Classifier,
) -> TrainedPair:
    """Train on images that are chosen already, int64 [K, top_n]; see ``train_plg``."""
    return _Plg(images, chosen, recipe, seed, device, target).run(checkpoint)


class _Plg(Duel):
    """A step is one of the generator, then several of the discriminator."""

    columns = ("discriminator", "generator", "inversion")
    settings = "inversion_weight or optimiser.lr"

    def __init__(
        self, images: Tensor, chosen: Tensor, recipe: PlgTrainingRecipe, seed: int, device: str,
        target: Classifier,
    ) -> None:  # fmt: skip
        super().__init__(
            ConditionalGenerator(recipe.generator, seed),
            ProjectionDiscriminator(recipe.discriminator, seed),
            recipe.optimiser, recipe.steps, device,
        )  # fmt: skip
        self.recipe, self.seed, self.images = recipe, seed, images.to(device)
        self.chosen = chosen
        self.pairs = Shuffles(chosen.numel(), seed, "priors", "plg", "order")
        self.answers = Answers(target, seed, "plg")

    def step(self) -> dict[str, Tensor]:
        realness, inversion = self._train_generator()
        steps = self.recipe.discriminator_steps
        judged = [self._train_discriminator(self.done * steps + turn) for turn in range(steps)]
        return {
            "generator": realness,
            "inversion": inversion,
            "discriminator": torch.stack(judged).mean(),
        }

    def _train_generator(self) -> tuple[Tensor, Tensor]:
        recipe, draws = self.recipe, stream(self.seed, "priors", "plg", "generator", self.done)
        z, labels = self._latents(draws)
        fakes = self.generator(z, labels)
        realness = adversarial.realness_loss(self.discriminator(fakes, labels))
        views = draw_views(recipe.batch_size, recipe.generator.image_px, recipe.views, draws)
        shown = show(fakes, views, draw_orders(1, draws)[0])
        inversion = margin.loss(self.answers.logits(shown, self.done), labels).mean()
        descend(self.generator_optimiser, realness + recipe.inversion_weight * inversion)
        return realness.detach(), inversion.detach()

    def _train_discriminator(self, number: int) -> Tensor:
        draws = stream(self.seed, "priors", "plg", "discriminator", number)
        size = self.recipe.batch_size
        classes, places = _split(self.pairs.rows(number * size, size), self.chosen)
        reals = unit(self.images[places.to(self.device)])
        # Noise of less than a grey value: 8-bit images are a set that no generator can hit.
        reals = reals + torch.rand(reals.shape, generator=draws).to(self.device) / 256
        z, labels = self._latents(draws)
        with torch.no_grad():
            fakes = self.generator(z, labels)
        of_reals = self.discriminator(reals, classes.to(self.device))
        loss = adversarial.hinge_loss(of_reals, self.discriminator(fakes, labels))
        descend(self.discriminator_optimiser, loss)
        return loss.detach()

    def _latents(self, draws: torch.Generator) -> tuple[Tensor, Tensor]:
        """Latents, and classes of which each is as likely."""
        size = self.recipe.batch_size
        z = torch.randn(size, self.generator.z_dim, generator=draws)
        labels = torch.randint(len(self.chosen), (size,), generator=draws)
        return z.to(self.device), labels.to(self.device)


def _split(pairs: Tensor, chosen: Tensor) -> tuple[Tensor, Tensor]:
    """Classes and images of pairs that are counted class by class through ``chosen`` [K, n]."""
    return pairs // chosen.shape[1], chosen.flatten()[pairs]
