"""Stage 2: optimising latents against one target, at the size of the demo."""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from mirage.attacks.batches import crop_streams, official_batches
from mirage.attacks.given import Given
from mirage.attacks.kinds.ppa.optimise import make_stack, optimise_latents
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe
from mirage.attacks.losses import LOSSES
from mirage.attacks.objective import Objective, step_gradient
from mirage.attacks.transforms import draw_steps
from mirage.memory_format import laid_out
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.stylegan2.generator import Generator
from mirage.recipes import OptimiserRecipe
from mirage.runtime.checkpoint import Checkpoint
from mirage.targets.architectures import build
from torch import Tensor
from torchvision.transforms import functional as tv

from benchmarks.paired import paired
from benchmarks.reference import attack as reference
from benchmarks.reference.synthesis import synthesise
from benchmarks.table import Row, relative

TARGET = "resnet-mini"
CLASSES = 24


class Work(NamedTuple):
    """One size of attack: ``per_class`` latents of each class, in official batches."""

    classes: int
    per_class: int
    batch_size: int
    steps: int
    device_batch: int
    lr: float = 0.03


def compare(generator: Generator, name: str, work: Work, repetitions: int) -> Row:
    """Time both optimisations and compare loss and gradient of the first step."""
    latents = torch.randn(
        work.classes, work.per_class, generator.w_dim, generator=torch.Generator().manual_seed(1)
    )
    with torch.no_grad():
        latents = generator.mapping(latents.flatten(0, 1)).view_as(latents)
    recipe = OptimisationRecipe(
        work.steps, OptimiserRecipe("adam", work.lr, betas=(0.1, 0.1)), batch_size=work.batch_size
    )
    px = generator.image_px
    pipeline = ImagePipeline(generator, px)
    classes = list(range(work.classes))
    labels = torch.arange(work.classes).repeat_interleave(work.per_class)
    frozen = laid_out(build(TARGET, CLASSES, generator.config.image_channels).freeze(), "cpu")
    learnable = build(TARGET, CLASSES, generator.config.image_channels).eval()
    images = official_images(generator)
    given = Given({}, {}, classes, px, px, 0, "cpu", work.device_batch, Checkpoint(None, {}))
    ratio = paired(
        lambda: optimise_latents(given, recipe, pipeline, frozen, latents),
        lambda: reference.optimise(
            images, learnable, latents.flatten(0, 1), labels, work.batch_size, work.steps,
            work.lr, px, px,
        ),
        repetitions,
    )  # fmt: skip
    some = latents[0, : work.batch_size]
    gap = largest_gap(*first_steps(pipeline, frozen, learnable, some, recipe, px))
    return Row(name, ratio, "s", None, ("loss and gradient", gap), 1e-4)


def official_images(generator: Generator) -> Callable[[Tensor], Tensor]:
    """The reference with a generator's weights, in the layout that the official code has."""
    state = {name: weight.contiguous() for name, weight in generator.state_dict().items()}
    return partial(full_images, state, generator)


def full_images(state: dict[str, Tensor], generator: Generator, w: Tensor) -> Tensor:
    """Whole images of single-w latents by the reference."""
    ws = w[:, None].repeat(1, generator.num_ws, 1)
    return synthesise(state, ws, generator.image_px, generator.config.conv_clamp)


class First(NamedTuple):
    """The first step's mean loss, and the gradients of its latents [N, w_dim]."""

    loss: Tensor
    gradient: Tensor


def first_steps(
    pipeline: ImagePipeline,
    frozen: torch.nn.Module,
    learnable: torch.nn.Module,
    latents: Tensor,
    recipe: OptimisationRecipe,
    image_px: int,
) -> tuple[First, First]:
    """The first step of ours and of the reference under one and the same crop.

    Args:
        pipeline: prior and centre crop.
        frozen: ours' target.
        learnable: the same with gradients for its weights.
        latents: of one batch of class 0, [N, w_dim]; networks have their precision.
        recipe: ours' settings.
        image_px: side of the target's images.
    """
    batches = official_batches([0], len(latents), recipe.batch_size)
    crop_px, nothing = pipeline.crop_px, Checkpoint(None, {})
    given = Given({}, {}, [0], image_px, crop_px, 0, "cpu", len(latents), nothing)
    stack = make_stack(given, recipe, pipeline, batches, latents.dtype)
    ours = latents.clone().requires_grad_()
    objective = Objective(pipeline, frozen, LOSSES[recipe.loss])
    gradient, losses = step_gradient(objective, stack, ours, 0)
    theirs = latents.clone().requires_grad_()
    loss = reference.loss_of(
        official_images(pipeline.generator), learnable, theirs,
        torch.zeros(len(latents), dtype=torch.int64), crop_px, image_px,
        fixed_crop(recipe, image_px),
    )  # fmt: skip
    loss.backward()
    return First(losses.mean(), gradient), First(loss.detach(), theirs.grad)


def fixed_crop(recipe: OptimisationRecipe, image_px: int) -> Callable[[Tensor], Tensor]:
    """The crop that ours draws first for class 0's first batch, by torchvision."""
    top, left, side = drawn_box(recipe, image_px)
    return partial(
        tv.resized_crop, top=top, left=left, height=side, width=side, size=[image_px, image_px],
        antialias=True,
    )  # fmt: skip


def largest_gap(ours: First, theirs: First) -> float:
    """Largest relative difference of loss and gradient."""
    return max(relative(mine, other) for mine, other in zip(ours, theirs, strict=True))


def drawn_box(recipe: OptimisationRecipe, image_px: int) -> tuple[int, int, int]:
    """Top, left and side of the first crop of class 0's first batch."""
    batches = official_batches([0], recipe.batch_size, recipe.batch_size)
    streams = crop_streams(batches, "shared", recipe.batch_size, 0)
    boxes = draw_steps(
        streams, recipe.steps, image_px, recipe.crop_scale, recipe.crop_ratio, flip=0.0
    )
    return tuple(int(field[0, 0]) for field in (boxes.top, boxes.left, boxes.height))


def rows(generator: Generator) -> list[Row]:
    """One official batch alone, and the demo's batches as the demo stacks them."""
    alone = Work(classes=1, per_class=25, batch_size=25, steps=10, device_batch=25)
    stacked = Work(classes=12, per_class=6, batch_size=6, steps=10, device_batch=72)
    return [
        compare(generator, "attack, 10 steps, one batch of 25", alone, 9),
        compare(generator, "attack, 10 steps, 12 batches of 6 (demo)", stacked, 7),
    ]
