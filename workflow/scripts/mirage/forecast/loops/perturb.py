"""One image of a step of a gradient attack."""

import torch

from mirage.evaluation.measures.adversarial import goals
from mirage.evaluation.measures.adversarial.gradient_attacks import Climb, walk
from mirage.evaluation.measures.adversarial.seen import seen
from mirage.forecast.loops import Loop
from mirage.forecast.loops._parts import passing
from mirage.forecast.units import Settings
from mirage.runtime.checkpoint import Checkpoint


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Change one batch."""
    side = settings["image_px"]
    images = torch.zeros(batch, settings["channels"], side, side, device=device)
    classes = torch.zeros(batch, dtype=torch.long, device=device)
    shown = seen(passing(settings, device), "untargeted_pgd", range(batch), 0)
    climb = Climb(shown, images, classes, goals.away, batch)

    def once(checkpoint: Checkpoint) -> None:
        walk(climb, images, 0.1, 0.01, 1)
        checkpoint.tick(dict)

    return once
