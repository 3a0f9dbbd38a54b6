"""Noise of networks that draw in every forward pass, from streams that name the pass.

Such a network draws nothing itself. It says how many normal values each image takes (``width_of``),
and whoever runs the pass gives them behind the images: ``model(images, *rows_of(noise, rows,
device))``. A pass has a name that survives interruption and other cuts of the same work: epoch and
batch in training; the image's place in a test or in the pool; class, batch and step in an attack.
A pass without its noise is refused, so none is forgotten.
"""

from typing import Any

import torch
from torch import Tensor


def width_of(network: object) -> int:
    """Standard normal values that a pass takes for each image, in the network's present mode."""
    return int(getattr(network, "noise_width", 0))


def drawn(network: object, stream: torch.Generator, *shape: int) -> Tensor | None:
    """Draw the noise of some passes on the CPU.

    Args:
        network: that will run them, in the mode it will be in.
        stream: named after the passes.
        shape: passes and images, the images last.

    Returns:
        float32 [*shape, width]; None for a network that draws nothing.
    """
    width = width_of(network)
    return torch.randn(*shape, width, generator=stream) if width else None


def rows_of(noise: Tensor | None, rows: Any, device: str | torch.device) -> tuple[Tensor, ...]:
    """Arguments behind the images of a pass: its rows of ``noise``, or nothing."""
    return () if noise is None else (noise[rows].to(device, non_blocking=True),)
