"""GMI's general GAN."""

from typing import Any

from mirage.priors.gans.recipe import WganRecipe
from mirage.priors.trainers import Steps, Trained, Trainer


def _train(*given: Any, target: None = None) -> Trained:
    from mirage.priors.gans.wgan import train_wgan

    return Trained(*train_wgan(*given))


def _steps(recipe: WganRecipe, count: int) -> Steps:
    steps = recipe.epochs * (count // recipe.batch_size)
    return Steps(steps, recipe.batch_size, recipe.discriminator_steps)


TRAINER = Trainer(WganRecipe, _train, _steps)
