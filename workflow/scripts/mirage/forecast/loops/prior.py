"""One image of a step of both networks of a prior's training."""

from dataclasses import replace
from typing import Any

import torch

from mirage.forecast.loops import Loop
from mirage.forecast.loops._parts import classifier
from mirage.forecast.units import Settings
from mirage.priors.trainers import TRAINERS
from mirage.runtime.checkpoint import Checkpoint

_ENDLESS = 10**6
"""Steps or epochs: losses are read for each hundredth of a training."""


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Train on blank images, long enough for no end to come."""
    trainer = TRAINERS[settings.get("kind", "stylegan2")]
    made: Any = trainer.recipe.of(settings["recipe"])
    changed = {"batch_size": batch, "epochs": _ENDLESS, "steps": _ENDLESS}
    recipe = replace(made, **{key: value for key, value in changed.items() if hasattr(made, key)})
    side, channels = recipe.generator.image_px, recipe.generator.image_channels
    images = torch.zeros(2 * batch, channels, side, side, dtype=torch.uint8)
    target = classifier(settings["target"], device) if "target" in settings else None

    train = trainer.rehearse or trainer.train

    def once(checkpoint: Checkpoint) -> None:
        train(images, recipe, 0, checkpoint, device, target=target)

    return once
