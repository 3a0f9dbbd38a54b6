"""PLG-MI's GAN of one target."""

from typing import Any

from mirage.priors.gans.recipe import PlgTrainingRecipe
from mirage.priors.trainers import Steps, TrainedNetworks, Trainer


def _train(
    images: Any, recipe: PlgTrainingRecipe, seed: int, checkpoint: Any, device: str, target: Any
) -> TrainedNetworks:
    from mirage.priors.gans.plg import train_plg

    return TrainedNetworks(*train_plg(images, recipe, seed, checkpoint, device, target))


def _rehearse(
    images: Any, recipe: PlgTrainingRecipe, seed: int, checkpoint: Any, device: str, target: Any
) -> None:
    import torch

    from mirage.priors.gans.plg import train_on

    chosen = torch.zeros(recipe.discriminator.classes, recipe.top_n, dtype=torch.int64)
    train_on(images, chosen, recipe, seed, checkpoint, device, target)


def _steps(recipe: PlgTrainingRecipe, _: int) -> Steps:
    return Steps(recipe.steps, recipe.batch_size)


TRAINER = Trainer(PlgTrainingRecipe, _train, _steps, needs_target=True, rehearse=_rehearse)
