"""KED-MI's GAN of one target."""

from typing import Any

from mirage.priors.gans.recipe import KedTrainingRecipe
from mirage.priors.trainers import Steps, TrainedNetworks, Trainer


def _train(
    images: Any, recipe: KedTrainingRecipe, seed: int, checkpoint: Any, device: str, target: Any
) -> TrainedNetworks:
    from mirage.priors.gans.ked import train_ked

    return TrainedNetworks(*train_ked(images, recipe, seed, checkpoint, device, target))


def _steps(recipe: KedTrainingRecipe, count: int) -> Steps:
    steps = recipe.epochs * (count // recipe.batch_size)
    return Steps(steps, recipe.batch_size, recipe.discriminator_steps)


TRAINER = Trainer(KedTrainingRecipe, _train, _steps, needs_target=True)
