"""One photograph embedded in every evaluation network."""

import torch

from mirage.evaluation.fidelity import FIDELITIES, PAPER
from mirage.forecast.loops import Loop
from mirage.forecast.loops._networks import blank_networks
from mirage.forecast.loops._parts import passes
from mirage.forecast.units import Settings
from mirage.targets.images import network_range


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Embed one batch in the fidelities that differ."""
    networks = blank_networks(settings, device)
    channels = next(iter(settings["networks"].values()))["channels"]

    def work() -> None:
        for network in networks:
            side = network.spec.image_px
            pixels = torch.zeros(batch, channels, side, side, dtype=torch.uint8, device=device)
            for fidelity in FIDELITIES:
                if fidelity != PAPER or network.has_paper_input:
                    network.embed(network_range(pixels), fidelity)

    return passes(work)
