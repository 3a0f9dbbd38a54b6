"""Training augmentation: random crop, colour jitter, mirror; one set of draws per image and epoch.

All draws of an epoch are made at once, indexed by image. They depend on (seed, epoch, index)
alone, so they are the same for every smoothing factor (paper 4.1), however the images are cut
into batches and wherever a run was interrupted.
"""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import torch
from torch import Tensor

from mirage import imaging
from mirage.recipes import Recipe, require
from mirage.targets.jitter import OPERATIONS, jitter


@dataclass(frozen=True)
class AugmentationRecipe(Recipe):
    """Strength of the augmentation; the defaults change nothing.

    Attributes:
        crop_scale: bounds of the crop's share of the image area, within (0, 1].
        crop_ratio: bounds of the crop's width / height.
        flip: probability of mirroring.
        brightness: factor uniform in [max(0, 1 - b), 1 + b].
        contrast: likewise.
        saturation: likewise; grey images have none.
        hue: shift uniform in [-hue, hue] turns, at most 0.5; grey images have none.
        crop: ``per_image``, every image has its own draw of crop and mirror (targets), or
            ``shared``, one for the batch (the official student, whose transform sees the batch
            tensor).
    """

    crop_scale: tuple[float, float] = (1.0, 1.0)
    crop_ratio: tuple[float, float] = (1.0, 1.0)
    flip: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0
    saturation: float = 0.0
    hue: float = 0.0
    crop: Literal["per_image", "shared"] = "per_image"

    def __post_init__(self) -> None:
        low, high = self.crop_scale
        require(0 < low <= high <= 1, "crop_scale", self.crop_scale, "0 < low <= high <= 1")
        low, high = self.crop_ratio
        require(0 < low <= high, "crop_ratio", self.crop_ratio, "0 < low <= high")
        require(0 <= self.flip <= 1, "flip", self.flip, "a probability")
        for name in ("brightness", "contrast", "saturation"):
            value = getattr(self, name)
            require(value >= 0, name, value, "zero or more")
        require(0 <= self.hue <= 0.5, "hue", self.hue, "a value in [0, 0.5]")

    @property
    def crops(self) -> bool:
        """Whether crop or mirror changes anything."""
        return self.crop_scale != (1.0, 1.0) or self.crop_ratio != (1.0, 1.0) or self.flip > 0

    @property
    def jitters(self) -> bool:
        """Whether colours change."""
        return any(getattr(self, name) > 0 for name in OPERATIONS)


class Draws(NamedTuple):
    """The draws of one epoch, one row per image, on the CPU.

    Attributes:
        boxes: crops and mirror decisions.
        order: int64 [N, 4], the image's order of the colour operations (a permutation).
        factors: [N, 4], strength of brightness, contrast, saturation (factors) and hue (turns).
    """

    boxes: imaging.Boxes
    order: Tensor
    factors: Tensor

    def of(self, indices: Tensor) -> "Draws":
        """Rows of some images, int64 [M]."""
        boxes = imaging.Boxes(*(field[indices] for field in self.boxes))
        return Draws(boxes, self.order[indices], self.factors[indices])


def draw(count: int, image_px: int, recipe: AugmentationRecipe, stream: torch.Generator) -> Draws:
    """Draw the augmentation of ``count`` images of one epoch.

    Args:
        count: number of images N (or of batches, for ``crop: shared``).
        image_px: side of the square images.
        recipe: strengths.
        stream: generator named by seed and epoch.

    Source: the distributions are those of torchvision's RandomResizedCrop, ColorJitter and
    RandomHorizontalFlip (paper B.3; official code as stated in the facts).
    """
    boxes = imaging.draw_boxes(
        count, image_px, recipe.crop_scale, recipe.crop_ratio, recipe.flip, stream
    )
    order = torch.rand(count, 4, generator=stream, dtype=torch.float64).argsort(dim=1)
    uniform = torch.rand(count, 4, generator=stream, dtype=torch.float64)
    strengths = (recipe.brightness, recipe.contrast, recipe.saturation)
    low = torch.tensor([max(0.0, 1 - s) for s in strengths] + [-recipe.hue], dtype=torch.float64)
    high = torch.tensor([1 + s for s in strengths] + [recipe.hue], dtype=torch.float64)
    return Draws(boxes, order, (low + (high - low) * uniform).float())


def augment(pixels: Tensor, draws: Draws, recipe: AugmentationRecipe) -> Tensor:
    """Augment images as their draws say.

    The official order is crop, jitter, mirror; mirroring with the crop changes no pixel, since
    jitter treats both sides alike. Normalisation comes last: jitter acts on [0, 1] (the paper's
    text names it first, the official code applies it last).

    Args:
        pixels: uint8 [M, C, px, px], on the device to compute on; or floating point in network
            range, which is cropped, mirrored and clamped to [-1, 1] (official student).
        draws: one row per image.
        recipe: what ``draws`` were drawn for.

    Returns:
        float32 [M, C, px, px] in [-1, 1].
    """
    rendered = pixels.is_floating_point()
    images = pixels.float() if rendered else pixels.float().div_(255)
    if recipe.crops:
        boxes = imaging.Boxes(*(field.to(pixels.device) for field in draws.boxes))
        images = imaging.crop_and_resize(images, boxes, pixels.shape[-1])
    if rendered:
        require(not recipe.jitters, "augmentation", recipe, "no colour jitter of rendered images")
        return images.clamp(-1, 1)
    if recipe.jitters:
        active = [name for name in OPERATIONS if getattr(recipe, name) > 0]
        images = jitter(images, draws.order, draws.factors, active)
    return images.mul_(2).sub_(1)
