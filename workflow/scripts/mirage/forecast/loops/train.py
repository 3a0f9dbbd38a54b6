"""One image of a training step of a target."""

import torch

from mirage.forecast.loops import Loop
from mirage.forecast.loops._training import training
from mirage.forecast.units import Settings
from mirage.targets.recipe import TrainingRecipe


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Train on stored pixels."""
    return training(settings, TrainingRecipe.of(settings["recipe"]), batch, device, torch.uint8)
