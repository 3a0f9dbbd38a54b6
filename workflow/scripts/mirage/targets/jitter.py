"""Colour jitter of a batch in which every image has its own factors and its own order.

All of it works in place: images of 224 px are large enough for new memory to cost more than the
arithmetic. Only sums, products and comparisons are rounded, one at a time, so the bytes depend
neither on the number of threads nor on the images beside one.

Source: the operations are those of torchvision's ColorJitter on tensors; the four follow one
another in a random order per image and each clamps to [0, 1].
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

_LUMA = (0.2989, 0.587, 0.114)
_COMPLEMENTS = (3.0, 5.0, 1.0)  # sextants of cyan, magenta, yellow
_TINY = 1e-30  # stands for a chroma of 0, below all others of float32 images


def orders_of(order: Tensor, active: Sequence[str], channels: int) -> Tensor:
    """Each image's order among the operations that change anything.

    Args:
        order: int64 [M, 4]; permutation of operation numbers, first one first.
        active: names of the operations to apply.
        channels: 3, or 1, where saturation and hue do nothing.

    Returns:
        int64 [M, K], numbers of the K operations that are left.
    """
    numbers = [
        number
        for number, name in enumerate(OPERATIONS)
        if name in active and (channels == 3 or name in _COLOURLESS)
    ]
    return order[torch.isin(order, torch.tensor(numbers, dtype=torch.int64))].view(
        len(order), len(numbers)
    )


def jitter_(images: Tensor, order: Tensor, factors: Tensor) -> None:
    """Apply operations in place.

    Args:
        images: [M, C, H, W] in [0, 1], in memory of their own.
        order: int64 [M, K] on the CPU, as ``orders_of`` gives it.
        factors: [M, 4] on the CPU, by operation number.
    """
    apply = list(OPERATIONS.values())
    strengths = factors.to(images)[:, :, None, None, None]
    # The rows are found on the CPU, where the order is, so the device never waits.
    for place in order.T.tolist():
        for number in sorted(set(place)):
            rows = [row for row, own in enumerate(place) if own == number]
            if len(rows) == len(images):
                apply[number](images, strengths[:, number])
                continue
            at = torch.tensor(rows).to(images.device, non_blocking=True)
            some = images[at]
            apply[number](some, strengths[at, number])
            images.index_copy_(0, at, some)


def brightness_(images: Tensor, factor: Tensor) -> None:
    """Scale [M, C, H, W] by ``factor`` [M, 1, 1, 1]."""
    images.mul_(factor).clamp_(0, 1)


def contrast_(images: Tensor, factor: Tensor) -> None:
    """Blend with the image's mean luma, which is the luma of its mean colour."""
    # Rows first: a sum that is one number would be cut by the number of threads.
    colour = images.mean(dim=3, keepdim=True).mean(dim=2, keepdim=True)
    _blend_(images, luma(colour), factor)


def saturation_(images: Tensor, factor: Tensor) -> None:
    """Blend with the luma of each pixel."""
    _blend_(images, luma(images), factor)


def hue_(images: Tensor, shift: Tensor) -> None:
    """Turn the hue of [M, 3, H, W] by ``shift`` [M, 1, 1, 1] turns at equal value and chroma.

    A channel has the whole value where the hue is two sextants or more from the channel's
    complement, and lacks all of the chroma within one.
    """
    red, green, blue = images.chunk(3, dim=1)
    value = torch.maximum(red, green)
    torch.maximum(value, blue, out=value)
    chroma = torch.minimum(red, green)
    torch.minimum(chroma, blue, out=chroma)
    torch.sub(value, chroma, out=chroma)
    # Sextants from red, in [-1, 5], by the largest channel; a grey pixel's count for nothing.
    # Weights of 0 and 1 choose without rounding, several times as fast as ``where``.
    sextant = (red - green).add_(chroma, alpha=4)
    largest = torch.eq(green, value, out=torch.empty_like(value))
    sextant.lerp_((blue - red).add_(chroma, alpha=2), largest)
    torch.eq(red, value, out=largest)
    sextant.lerp_(green - blue, largest).div_(chroma.clamp(min=_TINY))
    # Within [-6, 6], where the distance around the circle is 3 - | |away| - 3 |.
    complements = torch.tensor(_COMPLEMENTS, dtype=images.dtype, device=images.device)
    away = sextant + ((6 * shift - complements.view(1, 3, 1, 1) + 5).remainder_(6) - 5)
    lacking = away.abs_().sub_(3).abs_().sub_(1).clamp_(0, 1).mul_(chroma)
    torch.sub(value, lacking, out=images)


def luma(images: Tensor) -> Tensor:
    """Grey value [M, 1, H, W]; a grey image is its own."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.chunk(3, dim=1)
    grey = red * _LUMA[0]
    return grey.add_(green * _LUMA[1]).add_(blue * _LUMA[2])


def _blend_(images: Tensor, other: Tensor, factor: Tensor) -> None:
    images.mul_(factor).add_(other * (1 - factor)).clamp_(0, 1)


OPERATIONS: dict[str, Callable[[Tensor, Tensor], None]] = {
    "brightness": brightness_,
    "contrast": contrast_,
    "saturation": saturation_,
    "hue": hue_,
}
_COLOURLESS = ("brightness", "contrast")
