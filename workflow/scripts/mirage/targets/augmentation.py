"""Training augmentation: random crop, colour jitter, mirror; one set of draws per image and epoch.

All draws of an epoch are made at once, indexed by image. They depend on (seed, epoch, index)
alone, so they are the same for every smoothing factor (paper 4.1), however the images are cut
into batches and wherever a run was interrupted.

On a CPU the images pass in blocks that stay in the processor's cache from the stored bytes to the
finished batch; other devices take a batch as a whole.
"""

from collections.abc import Callable, Iterator
from functools import partial
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor

from mirage import imaging
from mirage.targets.jitter import OPERATIONS, jitter_, orders_of
from mirage.targets.recipe import AugmentationRecipe, MarkedAt

BLOCK_BYTES = 2**20
"""Float32 images that a block holds at most (one at least): what a core's own cache can keep."""

Marking: TypeAlias = Callable[[slice, Tensor, MarkedAt], Tensor]
"""What is done to some images of a batch, in [0, 1], before or after their augmentation."""


def unmarked(_: slice, images: Tensor, __: MarkedAt) -> Tensor:
    """Do nothing."""
    return images


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
    RandomHorizontalFlip (paper B.3, quirk normalised-last).
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


def augment(
    pixels: Tensor, draws: Draws, recipe: AugmentationRecipe, mark: Marking = unmarked
) -> Tensor:
    """Augment images as their draws say.

    The official order is crop, jitter, mirror; mirroring with the crop changes no pixel, since
    jitter treats both sides alike. Normalisation comes last: jitter acts on [0, 1] (quirk
    normalised-last).

    Args:
        pixels: uint8 [M, C, px, px], on the device to compute on; or floating point in network
            range, which is only cropped, mirrored and clamped to [-1, 1] (official student).
        draws: one row per image.
        recipe: what ``draws`` were drawn for.
        mark: what is done to uint8 ones, both times in [0, 1].

    Returns:
        float32 [M, C, px, px] in [-1, 1], channels last in memory where there are several.
    """
    channels, device = pixels.shape[1], pixels.device
    # Of one channel the memory is the same, but convolutions would go other ways.
    layout = torch.channels_last if channels > 1 else torch.contiguous_format
    images = torch.empty(pixels.shape, device=device, memory_format=layout)
    active = [name for name in OPERATIONS if getattr(recipe, name) > 0]
    order = orders_of(draws.order, active, channels)
    crops = None
    if recipe.crops:
        boxes = imaging.Boxes(*(field.to(device) for field in draws.boxes))
        crops = imaging.box_neighbours(boxes, pixels.shape[-1])
    for part in _blocks(pixels):
        images[part] = _augmented(
            pixels[part],
            crops and crops.of(part),
            order[part],
            draws.factors[part],
            partial(mark, part),
        )
    return images


def _blocks(pixels: Tensor) -> Iterator[slice]:
    """Parts of a batch that are augmented one after the other."""
    count, size = len(pixels), len(pixels)
    if pixels.device.type == "cpu":
        size = max(1, BLOCK_BYTES // (4 * pixels[0].numel()))
    return (slice(start, start + size) for start in range(0, count, size))


def _augmented(
    pixels: Tensor,
    crops: imaging.BoxNeighbours | None,
    order: Tensor,
    factors: Tensor,
    mark: Callable[[Tensor, MarkedAt], Tensor],
) -> Tensor:
    """Augment one block."""
    rendered = pixels.is_floating_point()
    images = pixels.float() if rendered else mark(pixels.float().div_(255), "before_augmentation")
    if crops is not None:
        images = imaging.crop_and_resize(images, crops)
    if rendered:
        return images.clamp(-1, 1)
    jitter_(images, order, factors)
    return mark(images, "after_augmentation").mul_(2).sub_(1)
