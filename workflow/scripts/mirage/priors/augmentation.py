"""Augmentation for training a prior on few images: of the reals alone, and of all images alike.

Random numbers come in as uniform draws, so that the functions are pure and a batch is one call.
"""

import torch
from torch import Tensor
from torch.nn import functional as F

from mirage.priors.recipe import RealAugmentation, SharedAugmentation

REAL_DRAWS = 7
"""Uniform draws per image that ``augment_reals`` takes."""

SHARED_DRAWS = 6
"""Uniform draws per image that ``augment_shared`` takes."""


def augment_reals(images: Tensor, draws: Tensor, recipe: RealAugmentation) -> Tensor:
    """Mirror, crop, rotate and jitter training images.

    Mirroring, crop and rotation are one bicubic resampling, so the images are blurred once;
    outside the image its border is repeated.

    Args:
        images: square, [N, C, px, px] in [-1, 1].
        draws: uniform in [0, 1), [N, REAL_DRAWS].
        recipe: which changes.

    Returns:
        [N, C, px, px], clamped to [-1, 1].
    """
    flip, side, angle, across, down, brightness, contrast = draws.unbind(1)
    low, high = recipe.crop
    side = low + (high - low) * side
    angle = recipe.rotation * (2 * angle - 1)
    mirror = torch.where(flip < recipe.flip, -1.0, 1.0)
    # In grid coordinates the image spans [-1, 1], so a box of this side may shift by 1 - side.
    cosine, sine = side * angle.cos(), side * angle.sin()
    right, below = (1 - side) * (2 * across - 1), (1 - side) * (2 * down - 1)
    entries = (mirror * cosine, -sine, right, mirror * sine, cosine, below)
    matrix = torch.stack(entries, dim=1).view(-1, 2, 3)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, "bicubic", padding_mode="border", align_corners=False)
    return _jitter(moved, brightness, contrast, recipe.brightness, recipe.contrast).clamp(-1, 1)


def augment_shared(images: Tensor, draws: Tensor, recipe: SharedAugmentation) -> Tensor:
    """Apply DiffAugment: brightness, contrast, translation, cutout.

    Args:
        images: square, [N, C, px, px].
        draws: uniform in [0, 1), [N, SHARED_DRAWS].
        recipe: how strong.

    Returns:
        [N, C, px, px], not clamped; pixels shifted in from outside and cut out are 0.
        Differentiable to any order with respect to ``images``.
    """
    brightness, contrast, down, across, top, left = draws.unbind(1)
    image_px = images.shape[-1]
    jittered = _jitter(images, brightness, contrast, recipe.brightness, recipe.contrast)
    reach = round(image_px * recipe.translation)
    rows = _shift_matrix(down, image_px, reach)
    columns = _shift_matrix(across, image_px, reach)
    hole_px = round(image_px * recipe.cutout)
    hole = (
        _interval(top, image_px, hole_px)[:, :, None] * _interval(left, image_px, hole_px)[:, None]
    )
    moved = rows[:, None] @ jittered @ columns[:, None].transpose(-1, -2)
    return moved * (1 - hole)[:, None]


def _jitter(
    images: Tensor, brightness: Tensor, contrast: Tensor, shift: float, change: float
) -> Tensor:
    """Scale each image about its mean by 1 +- ``change``, then shift it by +- ``shift``."""
    factor = (1 + change * (2 * contrast - 1))[:, None, None, None]
    offset = (shift * (2 * brightness - 1))[:, None, None, None]
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    return torch.addcmul(offset + mean * (1 - factor), images, factor)


def _shift_matrix(draw: Tensor, image_px: int, reach: int) -> Tensor:
    """Matrices that move an axis by a whole number of pixels within +-reach: [N, px, px]."""
    shift = (draw * (2 * reach + 1)).floor() - reach
    pixel = torch.arange(image_px, device=draw.device)
    return (pixel[None, :] == pixel[:, None] - shift[:, None, None]).to(draw.dtype)


def _interval(draw: Tensor, image_px: int, length: int) -> Tensor:
    """Indicator of an interval whose centre may lie on any pixel: [N, px]."""
    first = (draw * (image_px + 1 - length % 2)).floor() - length // 2
    pixel = torch.arange(image_px, device=draw.device)
    inside = (pixel >= first[:, None]) & (pixel < first[:, None] + length)
    return inside.to(draw.dtype)
