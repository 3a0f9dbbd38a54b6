"""Geometry of images: crop boxes, and crop + resize as two small matrices per image.

A bilinear antialiased resize is linear and separable, so cropping, resizing and mirroring one
image is ``A @ image @ B.T``. Batched matrices give every image its own box in one call on the
device, and one shared box is the same call with one pair of matrices.
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


def crop_and_resize(images: Tensor, boxes: Boxes, image_px: int) -> Tensor:
    """Cut images [N, C, H, W] to their boxes, mirror them where asked, and resize them to a square.

    Args:
        images: floating point.
        boxes: N boxes, or one box for all images.
        image_px: side of the result.

    Returns:
        [N, C, image_px, image_px]; bilinear with antialiasing, as torchvision's ``resize`` of
        tensors. Differentiable with respect to ``images``.
    """
    height, width = images.shape[-2:]
    rows = resize_matrix(boxes.top, boxes.height, height, image_px).to(images)
    columns = resize_matrix(boxes.left, boxes.width, width, image_px)
    columns = torch.where(boxes.flip[:, None, None], columns.flip(1), columns).to(images)
    return rows[:, None] @ images @ columns[:, None].transpose(-1, -2)


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
