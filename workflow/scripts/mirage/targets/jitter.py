"""Colour jitter of a batch in which every image has its own factors and its own order.

Source: the operations are those of torchvision's ColorJitter on tensors; the four follow one
another in a random order per image and each clamps to [0, 1].
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

_LUMA = (0.2989, 0.587, 0.114)


def jitter(images: Tensor, order: Tensor, factors: Tensor, active: Sequence[str]) -> Tensor:
    """Apply the active operations.

    Args:
        images: [M, C, H, W] in [0, 1] with C = 3, or C = 1, where saturation and hue do nothing.
        order: int64 [M, 4] on the CPU; permutation of operation numbers, first one first.
        factors: [M, 4] on the CPU, by operation number.
        active: names of the operations to apply.

    Returns:
        [M, C, H, W] in [0, 1].
    """
    numbers = [
        number
        for number, name in enumerate(OPERATIONS)
        if name in active and (images.shape[1] == 3 or name in _COLOURLESS)
    ]
    if not numbers:
        return images
    apply = list(OPERATIONS.values())
    # Each image's order among the active operations alone: [M, number of them].
    held = torch.isin(order, torch.tensor(numbers))
    ranks = order[held].view(len(order), len(numbers))
    strengths = factors.to(images)[:, :, None, None, None]
    for place in range(len(numbers)):
        for number in numbers:
            # The rows are found on the CPU, where the order is, so the device never waits.
            rows = (ranks[:, place] == number).nonzero()[:, 0].to(images.device, non_blocking=True)
            if len(rows):
                changed = apply[number](images[rows], strengths[rows, number])
                images = images.index_copy(0, rows, changed)
    return images


def brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Scale [M, C, H, W] by ``factor`` [M, 1, 1, 1]."""
    return (images * factor).clamp_(0, 1)


def contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Blend with the image's mean luma."""
    return _blend(images, luma(images).mean((1, 2, 3), keepdim=True), factor)


def saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Blend with the luma of each pixel."""
    return _blend(images, luma(images), factor)


def hue(images: Tensor, shift: Tensor) -> Tensor:
    """Turn the hue of [M, 3, H, W] by ``shift`` [M, 1, 1, 1] turns at equal value and chroma."""
    value, most = images.max(dim=1, keepdim=True)
    chroma = value - images.min(dim=1, keepdim=True).values
    red, green, blue = images.chunk(3, dim=1)
    safe = torch.where(chroma == 0, torch.ones_like(chroma), chroma)
    # Sextant of the hue, counted from the largest channel; grey pixels have chroma 0 and stay.
    sextant = torch.where(
        most == 0,
        (green - blue) / safe,
        torch.where(most == 1, (blue - red) / safe + 2, (red - green) / safe + 4),
    )
    offset = torch.tensor([5.0, 3.0, 1.0], dtype=images.dtype, device=images.device)
    place = (offset.view(1, 3, 1, 1) + sextant + 6 * shift) % 6
    return value - chroma * torch.minimum(place, 4 - place).clamp_(0, 1)


def luma(images: Tensor) -> Tensor:
    """Grey value [M, 1, H, W]; a grey image is its own."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.chunk(3, dim=1)
    grey: Tensor = red * _LUMA[0] + green * _LUMA[1] + blue * _LUMA[2]
    return grey


def _blend(images: Tensor, other: Tensor, factor: Tensor) -> Tensor:
    return torch.lerp(other.expand_as(images), images, factor).clamp_(0, 1)


OPERATIONS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "brightness": brightness,
    "contrast": contrast,
    "saturation": saturation,
    "hue": hue,
}
_COLOURLESS = ("brightness", "contrast")
