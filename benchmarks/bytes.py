"""FLOP and bytes of one image in one step of the attack: run.py bytes.

Counted on tensors without values, so that no GPU is needed: loss and gradient of an official
batch of 25 latents, over 25, for the official flow (``reference``), for ours operator by operator,
and for ours compiled. How operators count stands in ``traffic``, how kernels do in ``kernels``.
"""

import argparse
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import NamedTuple

import torch
from mirage.attacks.given import Given
from mirage.attacks.kinds.ppa.optimise import optimise_latents
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe
from mirage.attacks.losses import LOSSES
from mirage.errors import Interrupted
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.shapes import GeneratorConfig
from mirage.priors.stylegan2.generator import Generator
from mirage.priors.weights import frozen
from mirage.runtime.checkpoint import Checkpoint
from mirage.runtime.code_cache import FUSING
from mirage.targets.architectures import build
from torch import Tensor
from torchvision.transforms import functional as tv

from benchmarks.attack import official_images
from benchmarks.kernels import kernel_bytes
from benchmarks.paper_scale import CLASSES, IMAGE_PX
from benchmarks.reference.attack import loss_of
from benchmarks.table import markdown
from benchmarks.traffic import NAMES, Traffic

BATCH, ARCHITECTURE = 25, "resnet152"
CROPS = {256: 200, 1024: 800}
"""Side of the generator's images, and of their centre crop."""
CROPPED_PX = 218
"""Side of the random crop of 224 pixels; the mean of the paper's 0.9 to 1 of the area."""


class Count(NamedTuple):
    """What one image of a step costs.

    Attributes:
        flop: a multiply-add is two.
        bytes: read and written, by kind of operator.
    """

    flop: float
    bytes: dict[str, float]

    @property
    def total(self) -> float:
        """Bytes of all kinds."""
        return sum(self.bytes.values())


class _OneStep(Checkpoint):
    """Stands where a loop's checkpoint does; keeps what the second step adds, and ends there."""

    def __init__(self, traffic: Traffic) -> None:
        super().__init__(None, {})
        self.traffic, self.ticks = traffic, 0

    def tick(self, state: Callable[[], object]) -> None:
        self.ticks += 1
        if self.ticks == 2:
            raise Interrupted
        self.traffic.reset()


def official(image_px: int) -> Count:
    """Whole images, one weight per sample, weights of the target that require gradients."""
    crop_px = CROPS[image_px]
    with torch.device("meta"):
        generator = Generator(GeneratorConfig(image_px)).requires_grad_(False)
        target = build(ARCHITECTURE, CLASSES, 3).eval()
        w = torch.zeros(BATCH, generator.w_dim, requires_grad=True)
        labels = torch.zeros(BATCH, dtype=torch.int64)
        images = official_images(generator)
        box = 0, 0, CROPPED_PX, CROPPED_PX, [IMAGE_PX, IMAGE_PX]
        with Traffic() as traffic:
            crop = partial(_crop, box=box)
            loss_of(images, target, w, labels, crop_px, IMAGE_PX, crop).backward()
    return _per_image(traffic)


def _crop(images: Tensor, box: tuple[int, int, int, int, list[int]]) -> Tensor:
    cropped: Tensor = tv.resized_crop(images, *box, antialias=True)
    return cropped


def eager(image_px: int, fold: bool = False) -> Count:
    """One step of the job's own loop, its optimiser included."""
    crop_px = CROPS[image_px]
    with torch.device("meta"):
        generator = frozen(Generator(GeneratorConfig(image_px)), "meta")
        target = build(ARCHITECTURE, CLASSES, 3).freeze()
    recipe = OptimisationRecipe(2, batch_size=BATCH, fold_batch_norms=fold)
    starts = torch.zeros(1, BATCH, generator.w_dim)
    with Traffic() as traffic, suppress(Interrupted):
        given = Given({}, {}, [0], IMAGE_PX, crop_px, 0, "meta", BATCH, _OneStep(traffic))
        optimise_latents(given, recipe, ImagePipeline(generator, crop_px), target, starts)
    return _per_image(traffic)


def compiled(image_px: int) -> Count:
    """The loss of ``eager`` and its gradient as kernels of compiled code; FLOP are those of eager.

    The prior, the crop and the loss are the library's; small float32 tensors stand for a batch.
    """
    # In PyTorch's layout, which networks have on a GPU.
    generator = Generator(GeneratorConfig(image_px)).eval().requires_grad_(False)
    pipeline = ImagePipeline(generator, CROPS[image_px])
    target = build(ARCHITECTURE, CLASSES, 3).freeze()
    labels = torch.zeros(BATCH, dtype=torch.int64)
    loss = LOSSES[OptimisationRecipe(1).loss]

    def losses(w: Tensor, rows: Tensor, columns: Tensor) -> Tensor:
        images = pipeline.crop(pipeline.repeat(w))
        return loss(target(rows[:, None] @ images @ columns[:, None].mT), labels)

    w = torch.randn(BATCH, generator.w_dim).requires_grad_()
    matrices = torch.zeros(2, BATCH, IMAGE_PX, pipeline.crop_px)
    found = kernel_bytes(losses, w, *matrices, settings=FUSING)
    return Count(eager(image_px).flop, {name: found[name] / BATCH for name in NAMES})


def _per_image(traffic: Traffic) -> Count:
    shares = {name: traffic.bytes[name] / BATCH for name in NAMES}
    return Count(traffic.flop / BATCH, shares)


def rows(sizes: Sequence[int]) -> list[tuple[str, ...]]:
    """One row for each way and size."""
    found = []
    for image_px in sizes:
        for name, way in WAYS.items():
            count = way(image_px)
            figures = [f"{count.bytes[kind] / 1e9:.2f}" for kind in NAMES]
            found.append((f"{image_px} px, {name}", f"{count.flop / 1e9:.1f}",
                          f"{count.total / 1e9:.2f}", *figures))  # fmt: skip
    return found


WAYS = {
    "official": official,
    "eager": eager,
    "eager, batch norms folded": partial(eager, fold=True),
    "compiled": compiled,
}
HEADER = ("step", "GFLOP", "GB", *(f"{name} GB" for name in NAMES))


def main(arguments: Sequence[str]) -> int:
    """Print the table."""
    options = argparse.ArgumentParser(prog="run.py bytes", description=__doc__)
    options.add_argument("--sizes", type=int, nargs="+", default=list(CROPS), choices=list(CROPS))
    told = options.parse_args(arguments)
    print(markdown(HEADER, rows(told.sizes)))
    return 0
