"""One latent rendered and embedded in every evaluation network."""

import torch

from mirage.evaluation.fidelity import FIDELITIES
from mirage.forecast.loops import Loop
from mirage.forecast.loops._parts import passes, pipeline
from mirage.forecast.loops.embed_real import blank_networks
from mirage.forecast.units import Settings


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Embed one batch in both fidelities."""
    images, networks = pipeline(settings, device), blank_networks(settings, device)
    latents = torch.zeros(batch, images.latent_dim, device=device)
    labels = torch.zeros(batch, dtype=torch.int64, device=device)
    sizes = {settings["student_px"] or settings["gallery_px"], settings["gallery_px"]}
    sizes |= {network.spec.image_px for network in networks}

    def work() -> None:
        views = images.sizes(latents, sizes, labels)
        for network in networks:
            for fidelity in FIDELITIES:
                network.embed(views[network.spec.image_px], fidelity)

    return passes(work)
