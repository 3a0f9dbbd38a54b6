"""KED-MI's GAN of one target."""

from typing import Any

from mirage.priors.gans.recipe import KedRecipe
from mirage.priors.trainers import Steps, Trained, Trainer


def _train(*given: Any, target: Any = None) -> Trained:
    from mirage.priors.gans.ked import train_ked

    return Trained(*train_ked(*given, target))


def _steps(recipe: KedRecipe, count: int) -> Steps:
    steps = recipe.epochs * (count // recipe.batch_size)
    return Steps(steps, recipe.batch_size, recipe.discriminator_steps)


TRAINER = Trainer(KedRecipe, _train, _steps, needs_target=True)
