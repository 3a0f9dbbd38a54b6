"""One image of a step of both networks of a prior's training."""

from dataclasses import replace
from typing import Any

import torch

from mirage.forecast.loops import Loop
from mirage.forecast.loops._parts import classifier
from mirage.forecast.units import Settings
from mirage.priors.trainers import TRAINERS
from mirage.runtime.checkpoint import Checkpoint


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Train on blank images."""
    trainer = TRAINERS[settings.get("kind", "stylegan2")]
    made: Any = trainer.recipe.of(settings["recipe"])
    recipe = replace(made, batch_size=batch)
    side, channels = recipe.generator.image_px, recipe.generator.image_channels
    images = torch.zeros(2 * batch, channels, side, side, dtype=torch.uint8)
    target = classifier(settings["target"], device) if "target" in settings else None

    def once(checkpoint: Checkpoint) -> None:
        trainer.train(images, recipe, 0, checkpoint, device, target=target)

    return once
