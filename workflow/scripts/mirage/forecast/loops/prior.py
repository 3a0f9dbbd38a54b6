"""One image of a step of both networks of a prior's training."""

from dataclasses import replace

import torch

from mirage.forecast.loops import Loop
from mirage.forecast.units import Settings
from mirage.priors.recipe import PriorRecipe
from mirage.priors.training import train_prior
from mirage.runtime.checkpoint import Checkpoint


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Train on blank images."""
    recipe = replace(PriorRecipe.of(settings["recipe"]), batch_size=batch)
    side, channels = recipe.generator.image_px, recipe.generator.image_channels
    images = torch.zeros(2 * batch, channels, side, side, dtype=torch.uint8)

    def once(checkpoint: Checkpoint) -> None:
        train_prior(images, recipe, 0, checkpoint, device)

    return once
