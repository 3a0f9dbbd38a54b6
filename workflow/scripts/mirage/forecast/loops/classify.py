"""One image through a frozen classifier."""

import torch

from mirage.forecast.loops import Loop
from mirage.forecast.loops._parts import passes, passing
from mirage.forecast.units import Settings
from mirage.targets.images import network_range


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Classify one batch."""
    classifier, side = passing(settings, device), settings["image_px"]
    pixels = torch.zeros(batch, settings["channels"], side, side, dtype=torch.uint8)
    shown = pixels.to(device)
    return passes(lambda: classifier(network_range(shown)))
