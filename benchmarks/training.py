"""Training a target at the size of the demo: its input alone, and the whole of it."""

from typing import Any

import torch
from mirage.data.views import LabelledImages
from mirage.recipes import OptimiserRecipe
from mirage.runtime.checkpoint import Checkpoint
from mirage.streams import generator as stream
from mirage.targets.architectures import build
from mirage.targets.augmentation import Draws, augment, draw
from mirage.targets.images import network_range
from mirage.targets.recipe import AugmentationRecipe, TrainingRecipe
from mirage.targets.training import train_classifier
from mirage.targets.treatments import make
from torch import Tensor
from torchvision.transforms import functional as tv

from benchmarks.paired import paired
from benchmarks.reference import training as reference
from benchmarks.table import Row, relative

TARGET = "resnet-mini"
BATCH = 8
ADAM = OptimiserRecipe("adam", 0.003)
STRENGTHS: dict[str, Any] = {
    "crop_scale": (0.85, 1.0), "crop_ratio": (1.0, 1.0), "flip": 0.5,
    "brightness": 0.2, "contrast": 0.2, "saturation": 0.1, "hue": 0.1,
}  # fmt: skip


def by_hand(images: list[Any], draws: Draws, pillow: bool = False) -> Tensor:
    """The augmentation of given draws with torchvision's functions, image by image.

    Args:
        images: Pillow's.
        draws: one row per image.
        pillow: whether they are augmented as they are, in 8 bits, or as tensors.
    """
    top, left, height, width, flip = (field.tolist() for field in draws.boxes)
    done = []
    for n, image in enumerate(images):
        size = list(reversed(image.size))
        x = image if pillow else tv.to_tensor(image)
        x = tv.resized_crop(x, top[n], left[n], height[n], width[n], size, antialias=True)
        for operation in draws.order[n].tolist():
            x = OPERATIONS[operation](x, float(draws.factors[n, operation]))
        x = tv.hflip(x) if flip[n] else x
        done.append(reference.plain_normalise(tv.to_tensor(x) if pillow else x))
    return torch.stack(done)


OPERATIONS = (tv.adjust_brightness, tv.adjust_contrast, tv.adjust_saturation, tv.adjust_hue)


def rows(train: LabelledImages) -> list[Row]:
    """The input of one epoch, and a training of five epochs."""
    return [input_row(train, 9), whole_row(train, 5, 5)]


def input_row(train: LabelledImages, repetitions: int) -> Row:
    """One epoch's augmented batches."""
    recipe = AugmentationRecipe(**STRENGTHS)
    px = train.pixels.shape[-1]
    images = [tv.to_pil_image(pixels) for pixels in train.pixels]
    change, count = reference.transform(px, STRENGTHS), len(images)

    def ours() -> list[Tensor]:
        order = torch.randperm(count)
        draws = draw(count, px, recipe, stream(0, "augmentation"))
        whole = augment(train.pixels[order], draws.of(order), recipe)
        return list(whole.split(BATCH))

    def theirs() -> list[Any]:
        return list(reference.batches(images, train.labels, torch.randperm(count), BATCH, change))

    ratio = paired(ours, theirs, repetitions)
    draws = draw(count, px, recipe, stream(0, "augmentation"))
    gap = relative(augment(train.pixels, draws, recipe), by_hand(images, draws))
    return Row(f"training input, one epoch of {count}", ratio, "s", 3.0, ("images", gap), 1e-5)


def whole_row(train: LabelledImages, epochs: int, repetitions: int) -> Row:
    """A whole training, from fresh weights to the training accuracy."""
    augmented = AugmentationRecipe(**STRENGTHS)
    change = reference.transform(train.pixels.shape[-1], STRENGTHS)
    ratio = paired(
        lambda: ours_trained(train, epochs, augmented),
        lambda: reference_trained(train, epochs, change),
        repetitions,
    )
    # Without augmentation both see the same images in the same order.
    own = ours_trained(train, 1, AugmentationRecipe())
    losses = reference_trained(
        train, 1, lambda image: reference.plain_normalise(tv.to_tensor(image))
    )
    gap = abs(own[0] - losses[0]) / losses[0]
    name = f"training, {epochs} epochs of {len(train.labels)} with input"
    return Row(name, ratio, "s", None, ("loss of an epoch", gap), 1e-3)


def ours_trained(
    train: LabelledImages, epochs: int, augmentation: AugmentationRecipe
) -> list[float]:
    """Mean loss of each epoch of ours."""
    recipe = TrainingRecipe(epochs, BATCH, ADAM, augmentation=augmentation)
    treatment = make([{"part": "ls", "alpha": 0.1}])
    trained = train_classifier(
        TARGET, train, None, recipe, 0, Checkpoint(None, {}), "cpu", treatment=treatment
    )
    return [row["loss"] for row in trained.history]


def reference_trained(train: LabelledImages, epochs: int, change: Any) -> list[float]:
    """Mean loss of each epoch of the reference, from the same weights in the same order."""
    count = len(train.labels)
    images = [tv.to_pil_image(pixels) for pixels in train.pixels]
    model = build(TARGET, train.classes, train.pixels.shape[1], seed=0)
    orders = (torch.randperm(count, generator=stream(0, "order", epoch)) for epoch in range(epochs))
    adam = torch.optim.Adam(model.parameters(), lr=ADAM.lr)
    losses = reference.train(
        model,
        (reference.batches(images, train.labels, rows, BATCH, change) for rows in orders),
        0.1,
        adam,
    )
    reference.accuracy(model, network_range(train.pixels), train.labels, 64)
    return losses
