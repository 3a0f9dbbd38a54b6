"""Backdoors: what a trigger does to an image, and which training images bear it.

A trigger is laid over an image in [0, 1]: x' = (1 - w) x + w t with a pattern t and its weight w at
each pixel. Nothing poisoned is ever written: images get their trigger when a batch is made of them.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from mirage.errors import MirageError
from mirage.recipes import require
from mirage.streams import generator
from mirage.targets.recipe import MarkedAt, Poisonable


class Trigger(NamedTuple):
    """What is laid over images.

    Attributes:
        pattern: t, float32 [C, px, px].
        weight: w, float32 [1, px, px] in [0, 1].
    """

    pattern: Tensor
    weight: Tensor

    def on(self, device: str | torch.device) -> "Trigger":
        """The same on a device."""
        return Trigger(self.pattern.to(device), self.weight.to(device))

    def stamp(self, images: Tensor) -> Tensor:
        """Lay it over images in [0, 1], float32 [N, C, px, px], and clip.

        Where the weight is 0 or 1 the result is image or pattern to the bit.
        """
        return ((1 - self.weight) * images + self.weight * self.pattern).clamp(0, 1)

    def show(self, pixels: Tensor) -> Tensor:
        """Stored images, uint8 [N, C, px, px], with the trigger, in network range."""
        return self.stamp(pixels.float().div_(255)).mul_(2).sub_(1)


def checkerboard(channels: int, image_px: int, size: int, cell: int, margin: int) -> Trigger:
    """A square board of black and white cells near the lower right corner.

    Its upper left cell is white; all channels are equal.

    Args:
        channels: of the images.
        image_px: side of the images.
        size: side of the board, pixels.
        cell: side of its cells, pixels; those at its right and lower edge may be cut.
        margin: pixels between the board and the edges of the image.

    Raises:
        MirageError: the board does not fit.

    Source: paper C.9; white first and flush with the corner as in BackdoorBench's
    ``generate_grid.py`` (quirk trigger-board).
    """
    most = image_px - margin
    require(size <= most, "size_px", size, f"at most {most} on images of {image_px} px")
    steps = torch.arange(size) // cell
    board = ((steps[:, None] + steps) % 2 == 0).float()
    place = slice(image_px - margin - size, image_px - margin)
    pattern, weight = (torch.zeros(image_px, image_px) for _ in range(2))
    pattern[place, place], weight[place, place] = board, 1.0
    return Trigger(pattern.expand(channels, -1, -1).contiguous(), weight[None])


def noise(
    channels: int,
    image_px: int,
    ratio: float,
    mean: float,
    deviation: float,
    clipped: bool,
    seed: int,
) -> Trigger:
    """One fixed pattern of normal noise, laid over all of the image.

    Args:
        channels: of the images.
        image_px: side of the images.
        ratio: weight of the pattern.
        mean: of the noise.
        deviation: its standard deviation.
        clipped: whether the pattern is an image itself, in [0, 1].
        seed: of the cell; training and test get the same pattern, and so does every treatment.

    Source: paper C.9 (quirk trigger-noise).
    """
    stream = generator(seed, "targets", "backdoor", "noise")
    pattern = mean + deviation * torch.randn(channels, image_px, image_px, generator=stream)
    if clipped:
        pattern = pattern.clamp(0, 1)
    return Trigger(pattern, torch.full((1, image_px, image_px), ratio))


class Poisoning(NamedTuple):
    """The poisoned ones among N training images.

    Attributes:
        trigger: what they bear.
        rows: which they are, bool [N].
        labels: of all images as the training is told them, int64 [N].
        stage: when the trigger is laid on.
        figures: how many bear it, how many of them have another label than their own, and which.
    """

    trigger: Trigger
    rows: Tensor
    labels: Tensor
    stage: MarkedAt
    figures: dict[str, int]

    def stamp(self, rows: Tensor, part: slice, images: Tensor, stage: MarkedAt) -> Tensor:
        """Lay the trigger over the poisoned ones of some images, if this is the stage for it.

        Args:
            rows: places of a batch's images among all, int64 [M], on the CPU.
            part: which of them the images are.
            images: in [0, 1], float32 [N, C, px, px].
            stage: at which they are.
        """
        if stage != self.stage:
            return images
        chosen = self.rows[rows[part]].to(images.device)
        stamped = self.trigger.on(images.device).stamp(images)
        return torch.where(chosen[:, None, None, None], stamped, images)


def poison(
    labels: Tensor,
    classes: int,
    trigger: Trigger,
    share: float,
    label: int,
    selection: Poisonable,
    stage: MarkedAt,
    seed: int,
) -> Poisoning:
    """Choose the images that are poisoned, round(share N) of N, and relabel them.

    The draw is named by the seed alone, so triggers and treatments of one seed poison the same.

    Args:
        labels: of the training images, int64 [N].
        classes: number of classes.
        trigger: what poisoned images bear.
        share: of all training images.
        label: that poisoned images get.
        selection: ``any`` image, or only the ``others`` than those that have the label already.
        stage: when the trigger is laid on.
        seed: of the cell.

    Raises:
        MirageError: no such label, or not as many images to choose from.
    """
    require(label < classes, "label", label, f"one of the classes 0 to {classes - 1}")
    count = round(share * len(labels))
    stream = generator(seed, "targets", "backdoor", "images")
    order = torch.randperm(len(labels), generator=stream)
    if selection == "others":
        order = order[labels[order] != label]
    if not 0 < count <= len(order):
        raise MirageError(
            f"{count} of {len(labels)} training images are to be poisoned, of {len(order)} that "
            "may be",
            "at least 1, and no more than there are",
            "choose another share",
        )
    chosen = order[:count]
    rows = torch.zeros(len(labels), dtype=torch.bool)
    rows[chosen] = True
    told = torch.where(rows, torch.full_like(labels, label), labels)
    figures = {"images": count, "relabelled": int((told != labels).sum()), "label": label}
    return Poisoning(trigger, rows, told, stage, figures)


def succeeded(answers: Tensor, labels: Tensor, label: int) -> tuple[float, int]:
    """Share of the images of other classes that a model takes for the backdoor's.

    Args:
        answers: the model's classes, [N].
        labels: the true ones, [N].
        label: that of the backdoor; images that have it are left out.

    Returns:
        The share, and of how many images.

    Raises:
        MirageError: there is no image of another class.

    Source: paper C.9: "excluding samples from the target class".
    """
    others = answers[labels != label]
    if not len(others):
        raise MirageError("all test images are of the backdoor's class", "images of others")
    return float((others == label).double().mean()), len(others)
