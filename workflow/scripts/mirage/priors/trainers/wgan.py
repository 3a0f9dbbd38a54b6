"""GMI's general GAN."""

from typing import Any

from mirage.priors.gans.recipe import WganTrainingRecipe
from mirage.priors.trainers import Steps, TrainedNetworks, Trainer


def _train(*given: Any, target: None = None) -> TrainedNetworks:
    from mirage.priors.gans.wgan import train_wgan

    return TrainedNetworks(*train_wgan(*given))


def _steps(recipe: WganTrainingRecipe, count: int) -> Steps:
    steps = recipe.epochs * (count // recipe.batch_size)
    return Steps(steps, recipe.batch_size, recipe.discriminator_steps)


TRAINER = Trainer(WganTrainingRecipe, _train, _steps)
