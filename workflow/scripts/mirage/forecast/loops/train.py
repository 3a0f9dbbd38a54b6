"""One image of a training step of a target."""

from dataclasses import replace

import torch

from mirage.data.views import LabelledImages
from mirage.forecast.loops import Loop
from mirage.forecast.units import Settings
from mirage.runtime.checkpoint import Checkpoint
from mirage.targets.recipe import TrainingRecipe
from mirage.targets.training import train_classifier

# An epoch of the demo has 9 steps; larger images make the epoch shorter, not the memory larger.
_EPOCH_STEPS = 9
_EPOCH_BYTES = 256 * 2**20
_TINY_LR = 1e-6  # so that training on noise cannot end in an infinite loss


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Train on stored pixels."""
    return training(settings, TrainingRecipe.of(settings["recipe"]), batch, device, torch.uint8)


def training(
    settings: Settings, recipe: TrainingRecipe, batch: int, device: str, dtype: torch.dtype
) -> Loop:
    """Train a classifier on blank images, of targets or of students."""
    side, channels = settings["image_px"], settings["channels"]
    steps = min(_EPOCH_STEPS, max(3, _EPOCH_BYTES // (batch * channels * side**2)))
    labels = torch.arange(steps * batch) % settings["classes"]
    pixels = torch.zeros(len(labels), channels, side, side, dtype=dtype)
    images = LabelledImages(pixels, labels, settings["classes"])
    slow = replace(recipe.optimiser, lr=_TINY_LR)
    endless = replace(recipe, epochs=10**6, batch_size=batch, optimiser=slow, keep="last")

    def once(checkpoint: Checkpoint) -> None:
        train_classifier(
            settings["architecture"], images, None, endless, 0, checkpoint, device, label="training"
        )

    return once
