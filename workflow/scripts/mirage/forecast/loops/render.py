"""One latent rendered and resized."""

import torch

from mirage.forecast.loops import Loop
from mirage.forecast.loops._parts import passes, pipeline
from mirage.forecast.units import Settings


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Render one batch."""
    images = pipeline(settings, device)
    latents = torch.zeros(batch, images.latent_dim, device=device)
    labels = torch.zeros(batch, dtype=torch.int64, device=device)
    return passes(lambda: images.sizes(latents, (settings["image_px"],), labels))
