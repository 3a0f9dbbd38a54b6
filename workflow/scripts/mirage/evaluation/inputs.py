"""How a small image reaches a network that works on larger ones: as each attack's own code does it.

The 64 px attacks are measured at 112 px. Which way an image takes there differs between their
repositories, and so do the networks' answers (quirk enlarged-inputs). All functions take and give
images [N, C, H, W] of the house range, square ones; real and rendered images go the same way.
"""

from collections.abc import Callable
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from mirage.targets.images import network_range

_SLACK = 2.0**-14
"""Added before truncation, in grey levels: the house range errs by a third of it at most."""
_BITS = 22
"""Fractional bits of Pillow's filter weights."""


def quantised(images: Tensor, px: int) -> Tensor:
    """Truncate to 8 bits, then enlarge as Pillow's bilinear filter does, again to 8 bits.

    Values outside the range are clamped; in 8 bits they would wrap around.

    Source: KED's, LOMMA's, RLB's and BREP's evaluation.
    """
    levels = ((images.double() + 1) * 127.5 + _SLACK).floor().clamp(0, 255)
    weights = _pillow_weights(images.shape[-1], px).to(images.device)
    across = _rounded(levels @ weights.T)
    enlarged = _rounded(weights @ across)
    return network_range(enlarged.to(torch.uint8))


def aligned(images: Tensor, px: int) -> Tensor:
    """Enlarge in floating point, the centres of the corner pixels on one another.

    Source: PLG-MI's evaluation.
    """
    return F.interpolate(images, (px, px), mode="bilinear", align_corners=True)


def resized(images: Tensor, px: int) -> Tensor:
    """Enlarge in floating point, the borders on one another, as the FID's network does itself."""
    return F.interpolate(images, (px, px), mode="bilinear", align_corners=False)


def halved(images: Tensor, px: int) -> Tensor:
    """The same, with half the contrast: grey levels 127 to 255 (quirk halved-range).

    Source: LOMMA's FID, which takes images in [0, 1] for such in [-1, 1].
    """
    return (resized(images, px) + 1) / 2


INPUTS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "direct": lambda images, _: images,
    "quantised": quantised,
    "aligned": aligned,
    "resized": resized,
    "halved": halved,
}
"""Way -> function of images and the side they are to have."""


def _rounded(sums: Tensor) -> Tensor:
    """Whole grey levels of sums of levels and weights, both whole numbers; all exact in float64."""
    levels: Tensor = ((sums + 2 ** (_BITS - 1)) / 2**_BITS).floor()
    return levels.clamp(0, 255)


@cache
def _pillow_weights(inputs: int, outputs: int) -> Tensor:
    """Weights of Pillow's bilinear filter as whole numbers in units of 2^-22, [outputs, inputs]."""
    scale = inputs / outputs
    support = max(scale, 1.0)
    centres = (torch.arange(outputs, dtype=torch.float64)[:, None] + 0.5) * scale
    pixels = torch.arange(inputs, dtype=torch.float64)[None] + 0.5
    weights = (1 - (pixels - centres).abs() / support).clamp(min=0)
    whole: Tensor = (weights / weights.sum(dim=1, keepdim=True) * 2**_BITS + 0.5).floor()
    return whole
