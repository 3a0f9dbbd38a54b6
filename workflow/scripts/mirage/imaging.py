"""Geometry of images: crop boxes, and crop + resize one axis at a time.

A bilinear antialiased resize is linear and separable, so cropping, resizing and mirroring one
image is ``A @ image @ B.T``. Attacks, which need gradients, multiply by the matrices. Crops that
are enlarged to the size of their image need no products: their matrices have two weights a row.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor


class Boxes(NamedTuple):
    """Crop boxes in pixels, each field int64 [N]; ``flip`` says which are mirrored (bool [N])."""

    top: Tensor
    left: Tensor
    height: Tensor
    width: Tensor
    flip: Tensor


def draw_boxes(
    count: int,
    image_px: int,
    scale: tuple[float, float],
    ratio: tuple[float, float],
    flip: float,
    generator: torch.Generator,
) -> Boxes:
    """Draw ``count`` random boxes of a resized crop, and which are mirrored.

    The distribution is that of torchvision's ``RandomResizedCrop``: area uniform in ``scale``,
    log of the aspect ratio uniform, up to ten tries until the box fits, else the largest central
    box of an allowed ratio; then a uniform integer position.

    Args:
        count: number of boxes.
        image_px: side of the square images.
        scale: bounds of the box's share of the image area, within (0, 1].
        ratio: bounds of width / height, positive.
        flip: probability of mirroring, in [0, 1].
        generator: on the CPU, as the boxes are; a fixed number of draws per box.
    """
    draws = torch.rand(count, 23, generator=generator, dtype=torch.float64)
    area = image_px**2 * (scale[0] + (scale[1] - scale[0]) * draws[:, 0:10])
    low, high = math.log(ratio[0]), math.log(ratio[1])
    shape = torch.exp(low + (high - low) * draws[:, 10:20])
    width = torch.round(torch.sqrt(area * shape)).long()
    height = torch.round(torch.sqrt(area / shape)).long()
    fits = (width > 0) & (width <= image_px) & (height > 0) & (height <= image_px)
    first = fits.int().argmax(dim=1, keepdim=True)  # index of the first try that fits
    fallback_w, fallback_h = _central_box(image_px, ratio)
    found = fits.any(dim=1)
    width = torch.where(found, width.gather(1, first)[:, 0], fallback_w)
    height = torch.where(found, height.gather(1, first)[:, 0], fallback_h)
    room_h, room_w = image_px - height, image_px - width
    top = torch.where(found, (draws[:, 20] * (room_h + 1)).long(), room_h // 2)
    left = torch.where(found, (draws[:, 21] * (room_w + 1)).long(), room_w // 2)
    return Boxes(top, left, height, width, draws[:, 22] < flip)


def _central_box(image_px: int, ratio: tuple[float, float]) -> tuple[int, int]:
    if ratio[0] > 1:
        return image_px, round(image_px / ratio[0])
    if ratio[1] < 1:
        return round(image_px * ratio[1]), image_px
    return image_px, image_px


class BoxNeighbours(NamedTuple):
    """Source pixels between which those of enlarged crops lie, each field [N, px].

    ``upper`` and ``lower`` are rows, ``left`` and ``right`` columns, int64; ``down`` and ``across``
    weigh the lower and the right ones, float64.
    """

    upper: Tensor
    lower: Tensor
    down: Tensor
    left: Tensor
    right: Tensor
    across: Tensor

    def of(self, part: slice) -> "BoxNeighbours":
        """Those of some of the crops."""
        return BoxNeighbours(*(field[part] for field in self))


def box_neighbours(boxes: Boxes, image_px: int) -> BoxNeighbours:
    """Stretch N boxes, and mirror them where asked, over the square image that they are cut from.

    A box is no larger than its image, so every pixel of the result lies between two of the box on
    each axis, and nothing is to be antialiased.
    """
    rows = _between(boxes.top, boxes.height, image_px)
    columns = _between(boxes.left, boxes.width, image_px)
    mirrored = boxes.flip[:, None]
    return BoxNeighbours(*rows, *(torch.where(mirrored, part.flip(1), part) for part in columns))


def _between(start: Tensor, length: Tensor, image_px: int) -> tuple[Tensor, Tensor, Tensor]:
    target = torch.arange(image_px, dtype=torch.float64, device=start.device) + 0.5
    place = (target * (length.double() / image_px)[:, None] - 0.5).clamp_(min=0)
    before = place.floor()
    after = torch.minimum(before + 1, length[:, None] - 1)
    first = start[:, None]
    return first + before.long(), first + after.long(), place - before


def crop_and_resize(images: Tensor, crops: BoxNeighbours) -> Tensor:
    """Cut square images to their crops and enlarge them to the old size.

    Each step is rounded by itself, so the bytes depend neither on threads nor on the images beside
    one, as those of matrix products may.

    Args:
        images: floating point, [N, C, px, px].
        crops: of N boxes, or of one box for all images.

    Returns:
        [N, C, px, px], bilinear as torchvision's ``resize`` of tensors; rows and columns change
        places in memory.
    """
    stretched = _stretch(images, crops.upper, crops.lower, crops.down)
    return _stretch(stretched.mT.contiguous(), crops.left, crops.right, crops.across).mT


def _stretch(images: Tensor, upper: Tensor, lower: Tensor, weight: Tensor) -> Tensor:
    """Blend rows of [N, C, H, W] into new ones, one choice of rows for each image."""
    number, channels, height, width = images.shape
    flat = images.reshape(-1, width)
    planes = torch.arange(number * channels, device=images.device).view(number, channels, 1)
    above, below = (
        flat.index_select(0, (planes * height + rows[:, None]).flatten()).view(
            number, channels, -1, width
        )
        for rows in (upper, lower)
    )
    return below.sub_(above).mul_(weight.to(images)[:, None, :, None]).add_(above)


def resize_matrix(
    start: Tensor, length: Tensor, source_px: int, image_px: int, dtype: torch.dtype = torch.float64
) -> Tensor:
    """Interpolation weights of one axis: [N, image_px, source_px], rows sum to 1.

    Few pixels have a part in one: only their weights are computed (in float64) and put into a
    table of zeros. The triangular filter is as wide as the reduction (antialiasing) and cut at the
    ends of the interval: its first pixel ``start`` and at least one pixel in ``length``, int64 [N].
    """
    scale = (length.double() / image_px)[:, None, None]
    target = torch.arange(image_px, dtype=torch.float64, device=start.device)[None, :, None]
    first, reach = start[:, None, None], scale.clamp(min=1)
    centre = first + scale * (target + 0.5)
    # Wide enough for the whole axis, so that a GPU need not be asked for the longest interval.
    taps = math.ceil(2 * max(source_px / image_px, 1)) + 2
    lowest = (centre - reach - 0.5).floor().clamp(min=-taps)  # [N, image_px, 1]
    pixel = lowest + torch.arange(taps, dtype=torch.float64, device=start.device)
    weight = (1 - (pixel + 0.5 - centre).abs() / reach).clamp(min=0)
    inside = (pixel >= first) & (pixel < first + length[:, None, None])
    weight = weight * inside
    weight = weight / weight.sum(dim=2, keepdim=True)
    # Pixels beyond the ends weigh nothing; they fall into margins that are cut off.
    table = weight.new_zeros(len(start), image_px, source_px + 2 * taps, dtype=dtype)
    table.scatter_(2, pixel.long() + taps, weight.to(dtype))
    return table[:, :, taps:-taps].contiguous()


def resize(images: Tensor, image_px: int) -> Tensor:
    """Resize [N, C, H, W] to a square, bilinear with antialiasing; same size is returned as is."""
    if images.shape[-2:] == (image_px, image_px):
        return images
    return torch.nn.functional.interpolate(
        images, size=(image_px, image_px), mode="bilinear", antialias=True, align_corners=False
    )
