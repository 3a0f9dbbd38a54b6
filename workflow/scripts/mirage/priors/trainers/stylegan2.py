"""StyleGAN2 for few images."""

from typing import Any

from mirage.priors.recipe import PriorRecipe
from mirage.priors.trainers import Steps, TrainedNetworks, Trainer


def _train(*given: Any, target: None = None) -> TrainedNetworks:
    from mirage.priors.training import train_prior

    return TrainedNetworks(*train_prior(*given))


def _steps(recipe: PriorRecipe, _: int) -> Steps:
    # One whole period of the lazy regularisers.
    period = max(recipe.r1_interval, recipe.path_interval)
    return Steps(recipe.steps, recipe.batch_size, period)


TRAINER = Trainer(PriorRecipe, _train, _steps)
