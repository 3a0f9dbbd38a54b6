"""Random views of images in [0, 1], as PLG-MI shows them to the target in training and attack.

Crop, colour jitter, mirror and rotation, each image with draws of its own. All of it is a few
calls for a whole batch, differentiable once with respect to the images, and the backward pass is
deterministic on every device: resampling gathers in both directions and never scatters.

Source: the operations of PLG-MI's code, those of kornia 0.6.6 (quirk corner-aligned-views).
"""

from typing import Any, NamedTuple

import torch
from torch import Tensor

from mirage.recipes import RandomViewRecipe

_TRIES = 10
_DRAWS = _TRIES + 8
_LUMA = (0.299, 0.587, 0.114)
_ORDERS = ((0, 1, 2), (0, 2, 1), (1, 0, 2), (1, 2, 0), (2, 0, 1), (2, 1, 0))


class Views(NamedTuple):
    """Draws, on the CPU: fields [N], or [T, N] for T views of each image.

    Attributes:
        side: of the square crop, in pixels.
        top: its first row.
        left: its first column.
        brightness: factor of the pixels; 1 where there is no jitter.
        contrast: weight of the image against its mean grey; 1 where there is no jitter.
        jittered: whether colours are jittered, and so clamped.
        mirrored: whether left and right are swapped.
        degrees: rotation about the centre.
    """

    side: Tensor
    top: Tensor
    left: Tensor
    brightness: Tensor
    contrast: Tensor
    jittered: Tensor
    mirrored: Tensor
    degrees: Tensor

    def of(self, rows: Any) -> "Views":
        """Some of the draws, by any index of their fields."""
        return Views(*(field[rows] for field in self))


def draw_views(
    count: int, image_px: int, recipe: RandomViewRecipe, stream: torch.Generator
) -> Views:
    """Draw ``count`` views of square images: fields [count].

    The first of a stream do not depend on how many are drawn.

    Args:
        count: number of views.
        image_px: side of the images, at least 2.
        recipe: strengths and probabilities.
        stream: on the CPU.
    """
    draws = torch.rand(count, _DRAWS, generator=stream, dtype=torch.float64)
    low, high = recipe.crop_area
    sides = torch.round(image_px * (low + (high - low) * draws[:, :_TRIES]).sqrt()).long()
    # The published cropper takes no crop as large as the image and draws again, ten times.
    fits = (sides > 0) & (sides < image_px)
    side = sides.gather(1, fits.int().argmax(dim=1, keepdim=True))[:, 0]
    side = torch.where(fits.any(dim=1), side, image_px)
    top, left, brightness, contrast, jitter, mirror, rotate, degrees = draws[:, _TRIES:].unbind(1)
    room = image_px - side + 1
    jittered = jitter < recipe.jitter
    return Views(
        side,
        (top * room).long(),
        (left * room).long(),
        torch.where(jittered, 1 + recipe.brightness * (2 * brightness - 1), 1.0),
        torch.where(jittered, 1 + recipe.contrast * (2 * contrast - 1), 1.0),
        jittered,
        mirror < recipe.mirror,
        torch.where(rotate < recipe.rotate, recipe.degrees * (2 * degrees - 1), 0.0),
    )


def draw_orders(count: int, stream: torch.Generator) -> Tensor:
    """Draw orders of brightness (0), contrast (1) and saturation (2): int64 [count, 3].

    The published code draws one order in each call, for all images of the batch. Its hue turns by
    0 and changes nothing wherever it stands.
    """
    return torch.tensor(_ORDERS)[torch.randint(len(_ORDERS), (count,), generator=stream)]


def show(images: Tensor, views: Views, order: Tensor) -> Tensor:
    """Show each image as its view says.

    Args:
        images: square, [N, C, px, px], nominally in [0, 1]; C is 3, or 1 (grey is its own luma).
        views: fields [N].
        order: of the colour operations, one for all, [3], or one each, [N, 3].

    Returns:
        [N, C, px, px]; jittered ones are clamped to [0, 1], so there the gradient is 0 where an
        image leaves that range. What rotation brings in from outside is 0.
    """
    cut = _crop(images, views)
    return _Rotation.apply(_jitter(cut, views, order), views.degrees)  # type: ignore[no-any-return]


def _crop(images: Tensor, views: Views) -> Tensor:
    """Cut, resize to the old size with aligned corners, and mirror."""
    rows = _axis(views.top, views.side, images)
    columns = _axis(views.left, views.side, images)
    mirrored = views.mirrored.to(images.device, non_blocking=True)[:, None, None]
    columns = torch.where(mirrored, columns.flip(1), columns)
    return rows[:, None] @ images @ columns[:, None].mT


def _axis(start: Tensor, side: Tensor, images: Tensor) -> Tensor:
    """Matrices [N, px, px] that stretch an interval over the axis, its end pixels to the ends."""
    pixel = torch.arange(images.shape[-1], dtype=torch.float64)
    place = start[:, None] + pixel * (side[:, None] - 1) / pixel[-1]
    distance = pixel.to(images.device) - place.to(images.device)[:, :, None]
    return (1 - distance.abs()).clamp(min=0).to(images.dtype)


def _jitter(images: Tensor, views: Views, order: Tensor) -> Tensor:
    """Brightness, contrast and saturation of factor 1, one after another; each clamps."""
    factors = torch.stack([views.brightness, views.contrast, torch.ones_like(views.contrast)], 1)
    order = order.expand(len(images), 3)
    own = factors.gather(1, order)  # [N, 3], of the first, second and third operation
    grey = torch.where(order == 1, 1 - own, 0.0)  # contrast alone blends with the mean grey
    own, grey = (part.to(images)[:, :, None, None, None] for part in (own, grey))
    changed = images
    for place in range(3):
        mean = _luma(changed).mean(dim=(1, 2, 3), keepdim=True)
        changed = (changed * own[:, place] + mean * grey[:, place]).clamp(0, 1)
    jittered = views.jittered.to(images.device, non_blocking=True)[:, None, None, None]
    return torch.where(jittered, changed, images)


def _luma(images: Tensor) -> Tensor:
    """Grey values [N, 1, H, W]."""
    if images.shape[1] == 1:
        return images
    weights = images.new_tensor(_LUMA)[:, None, None]
    return (images * weights).sum(dim=1, keepdim=True)


class _Rotation(torch.autograd.Function):
    """Turn about the centre: bilinear, aligned corners, 0 outside.

    The gradient is the transposed map, gathered as well: where a scatter would add in whatever
    order a GPU takes, results would differ from run to run.
    """

    @staticmethod
    def forward(ctx: Any, images: Tensor, degrees: Tensor) -> Tensor:
        ctx.save_for_backward(degrees)
        return _turn(images, degrees, transposed=False)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        (degrees,) = ctx.saved_tensors
        return _turn(gradient, degrees, transposed=True), None


def _turn(images: Tensor, degrees: Tensor, transposed: bool) -> Tensor:
    """Rotate [N, C, px, px], or apply the transposed linear map."""
    image_px = images.shape[-1]
    angle = torch.deg2rad(degrees)[:, None]
    cosine, sine = (part.to(images) for part in (angle.cos(), angle.sin()))  # [N, 1]
    axis = torch.arange(image_px, dtype=images.dtype, device=images.device) - (image_px - 1) / 2
    y, x = (part.reshape(1, -1) for part in torch.meshgrid(axis, axis, indexing="ij"))  # [1, P]
    back = -sine if transposed else sine
    down, across = cosine * y - back * x, back * y + cosine * x  # where a pixel lies in the other
    flat, result = images.flatten(2), torch.zeros_like(images).flatten(2)
    half = (image_px - 1) / 2
    top, left = (down + half).floor(), (across + half).floor()
    # A pixel takes from the 2 x 2 around its place; it gives to some of the 4 x 4 around it.
    reach = range(-1, 3) if transposed else range(2)
    for i in reach:
        for j in reach:
            row, column = top + i, left + j
            inside = (row >= 0) & (row < image_px) & (column >= 0) & (column < image_px)
            v, u = row - half, column - half
            if transposed:
                apart = cosine * v - sine * u - y, sine * v + cosine * u - x
            else:
                apart = down - v, across - u
            weight = inside.to(images.dtype)
            for distance in apart:
                weight = weight * (1 - distance.abs()).clamp(min=0)
            index = (row * image_px + column).clamp(0, image_px**2 - 1).long()
            taken = flat.gather(2, index[:, None].expand(-1, images.shape[1], -1))
            result = result + taken * weight[:, None]
    return result.view_as(images)
