"""Training the low-resolution GANs at the size of the demo, beside plain loops."""

from collections.abc import Iterator
from typing import Any

import torch
from mirage.data.views import LabelledImages
from mirage.priors.gans.ked import train_ked
from mirage.priors.gans.recipe import KedTrainingRecipe, WganTrainingRecipe
from mirage.priors.gans.training import EpochBatches, TrainedPair, unit
from mirage.priors.gans.wgan import train_wgan
from mirage.priors.kinds import KINDS
from mirage.runtime.checkpoint import Checkpoint
from mirage.streams import generator as stream
from mirage.targets.architectures import build
from torch import Tensor, nn

from benchmarks.paired import paired
from benchmarks.reference import gans as reference
from benchmarks.table import Row, relative

TARGET, CLASSES = "resnet-mini", 24
EPOCHS, BATCH = 3, 32
CHANNELS = (64, 32, 16)


def recipes(image_px: int, channels: tuple[int, ...]) -> dict[str, Any]:
    """Small networks on the published schedule."""
    shape = {"image_px": image_px, "image_channels": 1, "channels": channels}
    common = {"generator": {**shape, "z_dim": 48}, "epochs": EPOCHS, "batch_size": BATCH}
    judge = {**shape, "classes": CLASSES, "kernels": 8, "kernel_dims": 4}
    return {
        "wgan": WganTrainingRecipe.of({**common, "discriminator": shape}),
        "ked": KedTrainingRecipe.of({**common, "discriminator": judge}),
    }


def rows(
    people: LabelledImages, repetitions: int, channels: tuple[int, ...] = CHANNELS
) -> list[Row]:
    """A few epochs of both, from fresh weights."""
    target = build(TARGET, CLASSES, 1, seed=1).freeze()
    known = {"wgan": [], "ked": [target]}
    made = recipes(people.pixels.shape[-1], channels)
    return [row(kind, people.pixels, made[kind], known[kind], repetitions) for kind in made]


def row(kind: str, images: Tensor, recipe: Any, known: list[Any], repetitions: int) -> Row:
    """One kind of GAN."""
    train: Any = {"wgan": train_wgan, "ked": train_ked}[kind]

    def ours() -> TrainedPair:
        trained: TrainedPair = train(images, recipe, 0, Checkpoint(None, {}), "cpu", *known)
        return trained

    def theirs() -> nn.Module:
        return reference_trained(kind, images, recipe, known)

    ratio = paired(ours, theirs, repetitions)
    z = torch.randn(64, recipe.generator.z_dim, generator=stream(0, "compared"))
    own, other = ours().generator, theirs().eval()
    with torch.no_grad():
        gap = relative(own(z), other(z))
    steps = recipe.epochs * (len(images) // recipe.batch_size)
    return Row(f"GAN steps, {kind}, {steps} of {BATCH}", ratio, "s", None, ("images", gap), 1e-2)


def reference_trained(kind: str, images: Tensor, recipe: Any, known: list[Any]) -> nn.Module:
    """The generator of a plain loop, from the same weights and draws."""
    made = KINDS[kind]
    generator, judge = (
        made[role].build(getattr(recipe, role), 0) for role in ("generator", "discriminator")
    )
    settings = {"lr": recipe.optimiser.lr, "betas": recipe.optimiser.betas}
    adams = tuple(torch.optim.Adam(n.parameters(), **settings) for n in (generator, judge))
    names = {"wgan": ["order"], "ked": ["labelled", "real", "matched"]}[kind]
    orders = [_order(kind, name, images, recipe) for name in names]
    every = recipe.discriminator_steps

    def draw(name: str, number: int) -> tuple[Tensor, Tensor]:
        draws = stream(0, "priors", kind, name, number)
        size = recipe.batch_size
        z = torch.randn(size, recipe.generator.z_dim, generator=draws)
        return z, torch.rand(size, generator=draws)

    if kind == "wgan":
        reference.wgan(generator, judge, orders[0], draw, every, adams)
    else:
        target = known[0].train()
        reference.ked(generator, judge, target, zip(*orders, strict=True), draw, every, adams)
        target.eval()
    trained: nn.Module = generator
    return trained


def _order(kind: str, name: str, images: Tensor, recipe: Any) -> Iterator[Tensor]:
    """The reals of every step."""
    batches = EpochBatches(len(images), recipe.batch_size, 0, "priors", kind, name)
    steps = recipe.epochs * batches.per_epoch
    return (unit(images[batches.rows(number)]) for number in range(steps))
