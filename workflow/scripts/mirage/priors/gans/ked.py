"""Training of KED-MI's GAN, whose discriminator also tells which class the target sees.

Source: Chen et al., ICCV 2021 (KED-MI), by its repository's code.
"""

import torch
from torch import Tensor

from mirage.priors.gans import adversarial
from mirage.priors.gans.answers import Answers, check_target
from mirage.priors.gans.critic import ClassifyingDiscriminator
from mirage.priors.gans.deconvolution import DeconvolutionGenerator
from mirage.priors.gans.recipe import KedTrainingRecipe
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
from mirage.targets.architectures import Classifier


def train_ked(
    images: Tensor,
    recipe: KedTrainingRecipe,
    seed: int,
    checkpoint: Checkpoint,
    device: str,
    target: Classifier | None,
) -> TrainedPair:
    """Train the GAN of one target on public images, which the target labels.

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
    check_images(images, recipe.generator, recipe.batch_size)
    shape = recipe.discriminator
    known = check_target(target, shape.classes, shape.image_channels)
    return _Ked(images, recipe, seed, device, known).run(checkpoint)


class _Ked(Duel):
    """A step is one of the discriminator; every few steps the generator takes one, too.

    The same public images come in three orders: labelled, as reals, and to be matched.
    """

    columns = ("labelled", "unlabelled", "generator")

    def __init__(
        self, images: Tensor, recipe: KedTrainingRecipe, seed: int, device: str, target: Classifier
    ) -> None:
        orders = [
            EpochBatches(len(images), recipe.batch_size, seed, "priors", "ked", name)
            for name in ("labelled", "real", "matched")
        ]
        self.labelled, self.real, self.matched = orders
        super().__init__(
            DeconvolutionGenerator(recipe.generator, seed),
            ClassifyingDiscriminator(recipe.discriminator, seed),
            recipe.optimiser, recipe.epochs * self.labelled.per_epoch, device,
        )  # fmt: skip
        self.recipe, self.seed, self.images = recipe, seed, images.to(device)
        self.answers = Answers(target, seed, "ked", recipe.target_mode)

    def step(self) -> dict[str, Tensor]:
        judge = self.discriminator
        known, reals = self._batch(self.labelled), self._batch(self.real)
        with torch.no_grad():
            fakes = self.generator(self._latents("discriminator"))
            probabilities = self.answers.logits(known, self.done).softmax(dim=1)
        # Features are each image's own; only what follows compares the images of a batch.
        features = judge.features(torch.cat([known, reals, fakes])).chunk(3)
        of_known, of_reals, of_fakes = (judge.judge(part) for part in features)
        labelled = adversarial.labelled_loss(of_known, probabilities)
        unlabelled = adversarial.unlabelled_loss(of_reals, of_fakes)
        descend(self.discriminator_optimiser, labelled + unlabelled)
        losses = {"labelled": labelled, "unlabelled": unlabelled}
        if (self.done + 1) % self.recipe.discriminator_steps == 0:
            losses["generator"] = self._train_generator()
        return losses

    def _train_generator(self) -> Tensor:
        judge = self.discriminator
        with torch.no_grad():
            wanted = judge.features(self._batch(self.matched))
        features, logits = judge(self.generator(self._latents("generator")))
        loss = adversarial.feature_matching(features, wanted)
        loss = loss + self.recipe.entropy_weight * adversarial.entropy_sum(logits)
        descend(self.generator_optimiser, loss)
        return loss

    def _batch(self, order: EpochBatches) -> Tensor:
        return unit(self.images[order.rows(self.done).to(self.device)])

    def _latents(self, name: str) -> Tensor:
        draws = stream(self.seed, "priors", "ked", name, self.done)
        z = torch.randn(self.recipe.batch_size, self.generator.z_dim, generator=draws)
        return z.to(self.device)
