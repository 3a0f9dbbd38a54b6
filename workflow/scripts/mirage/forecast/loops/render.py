"""One latent rendered and resized."""

import torch

from mirage.forecast.loops import Loop
from mirage.forecast.loops._parts import passes, pipeline
from mirage.forecast.units import Settings


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Render one batch."""
    images = pipeline(settings, device)
    w = torch.zeros(batch, images.generator.w_dim, device=device)
    return passes(lambda: images.images(w, settings["image_px"]))
