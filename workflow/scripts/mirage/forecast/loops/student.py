"""One image of a training step of the surrogate student."""

import torch

from mirage.evaluation.recipe import KnowledgeRecipe
from mirage.forecast.loops import Loop
from mirage.forecast.loops.train import training
from mirage.forecast.units import Settings


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Train on synthesised images."""
    recipe = KnowledgeRecipe.of(settings["recipe"]).training
    return training(settings, recipe, batch, device, torch.float16)
