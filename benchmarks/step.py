"""One step of the attack by turns: as the official code takes it, ours, ours compiled: run.py step.

The published generator's shape at a smaller size, its centre crop at the paper's share, a target at
224 px, both with random weights. The official-style step renders whole images with a weight per
sample and has gradients for every weight of the target (``reference/``). Seconds are those that the
processor worked, of all threads together.
"""

import argparse
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from mirage.attacks.batches import official_batches
from mirage.attacks.compiled import UNCOMPILED, Compiling, StepTaker, steps_of
from mirage.attacks.given import Given
from mirage.attacks.kinds.ppa.optimise import make_stack
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe
from mirage.attacks.losses import LOSSES
from mirage.attacks.objective import Objective, Stack
from mirage.optimisers import Optimiser
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.shapes import GeneratorConfig
from mirage.priors.stylegan2.generator import Generator
from mirage.runtime.checkpoint import Checkpoint
from mirage.targets.architectures import build
from torch import Tensor

from benchmarks.attack import first_step, full_images
from benchmarks.paired import by_turns, ratio_of
from benchmarks.reference import attack as reference
from benchmarks.table import markdown, relative

CLASSES, IMAGE_PX, CROP = 530, 224, 800 / 1024
HEADER = ("target", "threads", "step", "CPU s / step", "convolutions", "official / this (min..max)",
          "difference")  # fmt: skip
CONVOLUTIONS = ("aten::convolution", "aten::convolution_backward")


class Size(NamedTuple):
    """What to measure.

    Attributes:
        image_px: of the generator, a power of two.
        batch: latents of a step.
        pairs: turns that are timed, after one that is not.
    """

    image_px: int
    batch: int
    pairs: int


class Networks(NamedTuple):
    """A prior, and a target twice: frozen for ours, with gradients for the official step."""

    pipeline: ImagePipeline
    frozen: torch.nn.Module
    learnable: torch.nn.Module


def networks(architecture: str, image_px: int) -> Networks:
    """Make them with random weights."""
    generator = Generator(GeneratorConfig(image_px)).eval().requires_grad_(False)
    frozen, learnable = (build(architecture, CLASSES, 3) for _ in range(2))
    pipeline = ImagePipeline(generator, round(CROP * image_px))
    return Networks(pipeline, frozen.freeze(), learnable.eval())


def ours(
    steps: StepTaker, stack: Stack, start: Tensor, recipe: OptimisationRecipe
) -> Callable[[], None]:
    """A step of stage 2 on latents of its own; each call repeats it with the first crops."""
    w = start.clone().requires_grad_()
    optimiser = Optimiser([w], recipe.optimiser)

    def work() -> None:
        w.grad, _ = steps.gradient(stack, w, 0)
        optimiser.step()

    return work


def official(made: Networks, start: Tensor) -> Callable[[], None]:
    """The same step as the official code takes it."""
    generator = made.pipeline.generator
    images = partial(full_images, generator.state_dict(), generator)
    w = start.clone().requires_grad_()
    adam = torch.optim.Adam([w], lr=0.005, betas=(0.1, 0.1))
    labels, crop = torch.zeros(len(w), dtype=torch.int64), reference.random_crop(IMAGE_PX)

    def work() -> None:
        loss = reference.loss_of(
            images, made.learnable, w, labels, made.pipeline.crop_px, IMAGE_PX, crop
        )
        adam.zero_grad()
        loss.backward()
        adam.step()

    return work


def rows(architecture: str, size: Size, kept: Path) -> list[tuple[str, ...]]:
    """Time the three steps by turns and compare what they compute."""
    made = networks(architecture, size.image_px)
    draws = torch.Generator().manual_seed(0)
    start = torch.randn(size.batch, made.pipeline.latent_dim, generator=draws)
    recipe = OptimisationRecipe(1, batch_size=size.batch)
    batches = official_batches([0], size.batch, size.batch)
    nothing = Checkpoint(None, {})
    given = Given({}, {}, [0], IMAGE_PX, made.pipeline.crop_px, 0, "cpu", size.batch, nothing)
    stack = make_stack(given, recipe, made.pipeline, batches, start.dtype)
    objective = Objective(made.pipeline, made.frozen, LOSSES[recipe.loss])
    taking = partial(steps_of, objective, [batches], 1, device="cpu", state={})
    with taking(compiling=UNCOMPILED) as eager, taking(compiling=Compiling("on", kept)) as code:
        plain = eager.gradient(stack, start.clone().requires_grad_(), 0)[0]
        fast = code.gradient(stack, start.clone().requires_grad_(), 0)[0]
        works: dict[str, Callable[[], object]] = {
            "official": official(made, start), "ours": ours(eager, stack, start, recipe),
        }  # fmt: skip
        if code.compiled:  # not without a compiler
            works["ours, compiled"] = ours(code, stack, start, recipe)
        times = by_turns(list(works.values()), size.pairs, time.process_time)
        shares = [convolutions(work) for work in works.values()]
    gap = first_step(made.pipeline, made.frozen, made.learnable, start, recipe)
    gaps = ["", f"{gap:.1e} of official", f"{relative(fast, plain):.1e} of ours"][: len(works)]
    found = []
    for name, taken, share, difference in zip(works, times, shares, gaps, strict=True):
        ratio = ratio_of(taken, times[0])
        told = f"{ratio.median:.2f} ({ratio.low:.2f}..{ratio.high:.2f})"
        found.append(
            (architecture, str(torch.get_num_threads()), name, f"{ratio.ours:.2f}",
             f"{share * ratio.ours:.2f}", told, difference)
        )  # fmt: skip
    return found


def convolutions(work: Callable[[], object]) -> float:
    """Share of a step's time that is spent in convolutions, their backward passes included."""
    with torch.profiler.profile(activities=[torch.profiler.ProfilerActivity.CPU]) as seen:
        began = time.perf_counter()
        work()
        whole = time.perf_counter() - began
    spent = {event.key: event.cpu_time_total / 1e6 for event in seen.key_averages()}
    return sum(spent.get(name, 0.0) for name in CONVOLUTIONS) / whole


def main(arguments: Sequence[str]) -> int:
    """Print the table."""
    options = argparse.ArgumentParser(prog="run.py step", description=__doc__)
    options.add_argument("--px", type=int, default=256, help="side of the prior's images")
    options.add_argument("--batch", type=int, default=4, help="latents of a step")
    options.add_argument("--pairs", type=int, default=8, help="timed turns")
    options.add_argument("--architectures", nargs="+", default=["resnet18", "resnet50"])
    options.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    told = options.parse_args(arguments)
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for threads in told.threads:
            torch.set_num_threads(threads)
            for architecture in told.architectures:
                size = Size(told.px, told.batch, told.pairs)
                found += rows(architecture, size, Path(folder))
                print(*found[-1], flush=True)
    print(f"PyTorch {torch.__version__}, {told.px} px, batch {told.batch}, {told.pairs} pairs\n")
    print(markdown(HEADER, found))
    return 0
