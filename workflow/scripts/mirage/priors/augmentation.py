"""Augmentation for training a prior on few images: of the reals alone, and of all images alike.

Random numbers come in as uniform draws, so that the functions are pure and a batch is one call.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from mirage.recipes import Recipe, require

REAL_DRAWS = 7
"""Uniform draws per image that ``augment_reals`` takes."""

SHARED_DRAWS = 6
"""Uniform draws per image that ``augment_shared`` takes."""


@dataclass(frozen=True)
class RealAugmentation(Recipe):
    """Mild changes of the training images, which the generator learns as part of the data.

    Attributes:
        flip: probability of mirroring, in [0, 1].
        crop: bounds of the crop's side as a share of the image's, within (0, 1].
        rotation: largest angle either way, radians, in [0, pi].
        brightness: largest shift either way; the image range is [-1, 1].
        contrast: largest relative change of the contrast either way, in [0, 1].
    """

    flip: float = 0.5
    crop: tuple[float, float] = (0.8, 1.0)
    rotation: float = 0.12
    brightness: float = 0.1
    contrast: float = 0.1

    def __post_init__(self) -> None:
        require(0 <= self.flip <= 1, "flip", self.flip, "a probability")
        low, high = self.crop
        require(0 < low <= high <= 1, "crop", self.crop, "two rising shares in (0, 1]")
        require(0 <= self.rotation <= 3.1416, "rotation", self.rotation, "radians in [0, pi]")
        require(self.brightness >= 0, "brightness", self.brightness, "zero or more")
        require(0 <= self.contrast <= 1, "contrast", self.contrast, "a value in [0, 1]")


@dataclass(frozen=True)
class SharedAugmentation(Recipe):
    """Strong changes of real and synthesised images alike, which the generator need not learn.

    Attributes:
        brightness: largest shift either way; the image range is [-1, 1].
        contrast: largest relative change of the contrast either way, in [0, 1].
        translation: largest shift either way, as a share of the side, in [0, 1).
        cutout: side of the blanked square as a share of the side, in [0, 1].

    Source: DiffAugment (Zhao et al., NeurIPS 2020), whose published values are the defaults
    (brightness within 0.5, contrast 0.5 to 1.5, translation 1/8, cutout 1/2). Its saturation is
    left out: it does nothing to grey images.
    """

    brightness: float = 0.5
    contrast: float = 0.5
    translation: float = 0.125
    cutout: float = 0.5

    def __post_init__(self) -> None:
        require(self.brightness >= 0, "brightness", self.brightness, "zero or more")
        require(0 <= self.contrast <= 1, "contrast", self.contrast, "a value in [0, 1]")
        require(0 <= self.translation < 1, "translation", self.translation, "a share in [0, 1)")
        require(0 <= self.cutout <= 1, "cutout", self.cutout, "a share in [0, 1]")


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
    matrix = torch.stack(
        (
            torch.stack((mirror * cosine, -sine, (1 - side) * (2 * across - 1)), dim=1),
            torch.stack((mirror * sine, cosine, (1 - side) * (2 * down - 1)), dim=1),
        ),
        dim=1,
    )
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
    factor = 1 + change * (2 * contrast - 1)
    offset = shift * (2 * brightness - 1)
    mean = images.mean(dim=(1, 2, 3))
    return torch.addcmul(_per_image(offset + mean * (1 - factor)), images, _per_image(factor))


def _per_image(values: Tensor) -> Tensor:
    return values[:, None, None, None]


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
