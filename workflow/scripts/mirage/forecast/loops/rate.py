"""One image cut at random, resized and rated by a frozen classifier."""

import torch

from mirage.attacks.transforms import draw_steps, plan_crops, spread
from mirage.forecast.loops import Loop
from mirage.forecast.loops._parts import passes, passing
from mirage.forecast.units import Settings
from mirage.streams import generator


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Rate one batch."""
    classifier, side = passing(settings, device), settings["image_px"]
    images = torch.zeros(batch, settings["channels"], side, side, device=device)
    stream = [generator(0, "forecast", "rate")]
    boxes = spread(draw_steps(stream, 1, side, (0.5, 0.9), (0.8, 1.2), 0.5), [batch])
    crops = plan_crops(boxes, side, side, device, images.dtype)
    return passes(lambda: classifier(crops.cut(images, 0)).softmax(dim=1))
