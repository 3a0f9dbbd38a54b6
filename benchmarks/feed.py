"""What a training pays for its images at 224 px: run.py feed.

The feed makes augmented batches of decoded photographs. It is held against the same augmentation
image by image, of Pillow's images and of tensors, and a training with it against the same training
on batches that are there already (synthetic data). One thread, seconds that the process worked.
"""

import argparse
from collections.abc import Callable
from time import process_time
from typing import Any
from unittest import mock

import torch
from mirage.data.views import LabelledImages
from mirage.streams import generator as stream
from mirage.targets import training as library
from mirage.targets.augmentation import augment, draw
from mirage.targets.recipe import AugmentationRecipe, TrainingRecipe
from torch import Tensor
from torchvision.transforms import functional as tv

from benchmarks.paired import Ratio, paired, ratio_of
from benchmarks.paper_scale import Clock
from benchmarks.reference import training as reference
from benchmarks.table import Row, table
from benchmarks.training import ADAM, BATCH, STRENGTHS, by_hand

CLASSES = 8
RECIPE = AugmentationRecipe(**STRENGTHS)
TOLERANCE = {False: 1e-5, True: 2e-2}
"""Whether Pillow augments -> allowed mean difference, in network range; Pillow rounds to 8 bits."""


def main(options: list[str]) -> int:
    """Print the table; 1 if any result differs from its reference."""
    parser = argparse.ArgumentParser(prog="run.py feed", description=__doc__)
    parser.add_argument("--images", type=int, default=16, help="photographs of an epoch")
    parser.add_argument("--px", type=int, default=224, help="their side")
    parser.add_argument("--architecture", default="resnet18", help="the network that is fed")
    parser.add_argument("--repetitions", type=int, default=9, help="turns of each")
    chosen = parser.parse_args(options)
    photographs = smooth(chosen.images, chosen.px)
    rows = [
        feed_row(photographs, chosen.repetitions, pillow=True),
        feed_row(photographs, chosen.repetitions, pillow=False),
        share_row(photographs, chosen.architecture, chosen.repetitions),
    ]
    print(table(rows))
    return 0 if all(row.agrees for row in rows) else 1


def smooth(count: int, px: int) -> LabelledImages:
    """Colour images as smooth as photographs."""
    coarse = torch.rand(count, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    fine = torch.nn.functional.interpolate(coarse, (px, px), mode="bicubic").clamp(0, 1)
    pixels = fine.mul(255).round().to(torch.uint8)
    return LabelledImages(pixels, torch.arange(count) % CLASSES, CLASSES)


def feed_row(photographs: LabelledImages, repetitions: int, pillow: bool) -> Row:
    """An epoch's batches by ``augment`` and by torchvision."""
    count, _, _, px = photographs.pixels.shape
    images = [tv.to_pil_image(pixels) for pixels in photographs.pixels]
    change = reference.transform(px, STRENGTHS, pillow)

    def ours() -> list[Tensor]:
        order = torch.randperm(count)
        draws = draw(count, px, RECIPE, stream(0, "augmentation"))
        parts = order.split(BATCH)
        return [augment(photographs.pixels[rows], draws.of(rows), RECIPE) for rows in parts]

    def theirs() -> list[object]:
        rows = torch.randperm(count)
        return list(reference.batches(images, photographs.labels, rows, BATCH, change))

    ratio = paired(ours, theirs, repetitions, process_time)
    draws = draw(count, px, RECIPE, stream(0, "augmentation"))
    gap = augment(photographs.pixels, draws, RECIPE) - by_hand(images, draws, pillow)
    name = f"feed, {px} px, an image, beside {'Pillow' if pillow else 'torchvision on tensors'}"
    agreement = "images, mean", float(gap.abs().mean())
    return Row(name, each(ratio, count), "ms", 2.0, agreement, TOLERANCE[pillow])


def share_row(photographs: LabelledImages, architecture: str, repetitions: int) -> Row:
    """The second epoch of a training, with the feed's own seconds and without them.

    Steps of the very same work differ by a tenth on a shared machine, more than the feed takes; so
    synthetic data's time is not measured by turns, but is the training's own less that of its feed.
    """
    recipe = TrainingRecipe(2, BATCH, ADAM, augmentation=RECIPE, pretrained=False)
    count, _, _, px = photographs.pixels.shape
    made: list[Tensor] = []
    taken: list[float] = []

    def timed(*given: Any) -> Tensor:
        began = process_time()
        made.append(augment(*given))
        taken.append(process_time() - began)
        return made[-1]

    def trained(feed: Callable[..., Tensor]) -> tuple[float, float]:
        watch = Clock(process_time)
        with mock.patch.object(library, "augment", feed):
            done = library.train_classifier(
                architecture, photographs, None, recipe, 0, watch, "cpu"
            )
        # Building the network lies before the first epoch, judging it behind the second.
        return watch.notes[-1] - watch.notes[len(watch.notes) // 2], done.history[1]["loss"]

    fed, given, loss = [], [], 0.0
    for _ in range(repetitions):
        made.clear()
        taken.clear()
        seconds, loss = trained(timed)
        fed.append(seconds)
        given.append(seconds - sum(taken[len(taken) // 2 :]))
    ready = iter(made)
    gap = abs(trained(lambda *_: next(ready))[1] - loss)
    name = f"training step of {architecture}, {px} px, an image, beside synthetic data"
    return Row(name, each(ratio_of(fed, given), count), "ms", 0.95, ("loss", gap), 0.0)


def each(ratio: Ratio, count: int) -> Ratio:
    """Milliseconds of one of ``count`` images."""
    return ratio._replace(ours=1000 * ratio.ours / count, reference=1000 * ratio.reference / count)
