"""PLG-MI's GAN of one target."""

from typing import Any

from mirage.priors.gans.recipe import PlgRecipe
from mirage.priors.trainers import Steps, Trained, Trainer


def _train(*given: Any, target: Any = None) -> Trained:
    from mirage.priors.gans.plg import train_plg

    return Trained(*train_plg(*given, target))


def _steps(recipe: PlgRecipe, _: int) -> Steps:
    return Steps(recipe.steps, recipe.batch_size)


TRAINER = Trainer(PlgRecipe, _train, _steps, needs_target=True)
