"""The paper's attack step and training step at their real sizes: run.py paper_scale.

Random weights compute as long as trained ones. Both steps run through the library's own loops, so
what is timed is what a job does. The share of the peak is the counted FLOP of a step over its time,
against the fastest dense convolution or matrix product measured in the same run at the same
precision.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import torch
from mirage.attacks.compiled import UNCOMPILED, Compiling
from mirage.attacks.given import Given
from mirage.attacks.kinds.ppa.optimise import optimise_latents
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe
from mirage.data.views import LabelledImages
from mirage.forecast.counting import Tally
from mirage.numerics import numerics
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.shapes import GeneratorConfig
from mirage.priors.stylegan2.generator import Generator
from mirage.recipes import Precision
from mirage.runtime.checkpoint import Checkpoint
from mirage.runtime.devices import choose_device
from mirage.targets.architectures import build
from mirage.targets.recipe import TrainingRecipe
from mirage.targets.training import train_classifier

from benchmarks.table import markdown

CLASSES, IMAGE_PX, CROP_PX = 530, 224, 800
HEADER = ("work", "precision", "batch", "s / step", "images/s", "peak memory", "TFLOP / image",
          "TFLOP/s", "peak TFLOP/s", "share")  # fmt: skip


class Settings(NamedTuple):
    """What to measure.

    Attributes:
        device: ``cpu`` or ``cuda``.
        attack_batch: latents per attack step (paper: 25).
        training_batch: images per training step (paper: 128).
        steps: timed steps, after one untimed.
        architecture: target.
        config: generator.
        compiling: whether the attack step is compiled.
    """

    device: str
    attack_batch: int
    training_batch: int
    steps: int
    architecture: str = "resnet152"
    config: GeneratorConfig = GeneratorConfig(1024)
    crop_px: int = CROP_PX
    image_px: int = IMAGE_PX
    peak_px: int = 64
    compiling: Compiling = UNCOMPILED


class Clock(Checkpoint):
    """Stands where a loop's checkpoint does and notes the time, or a count, after each step."""

    def __init__(self, read: Callable[[], float]) -> None:
        """Take notes from ``read``."""
        super().__init__(None, {})
        self.read, self.notes = read, [read()]

    def tick(self, state: Callable[[], Any]) -> None:
        """Note where the loop is."""
        self.notes.append(self.read())

    def steps(self) -> list[float]:
        """What each step but the first added."""
        return [b - a for a, b in zip(self.notes[1:], self.notes[2:], strict=False)]


class Measured(NamedTuple):
    """One kind of step at one precision; None where it did not fit into the memory."""

    seconds: float
    memory: int


Work = Callable[[Precision, int, Checkpoint], object]


def attack(settings: Settings) -> Work:
    """Stage 2 of PPA: generator, crop, resize, random crop, target, loss, gradient, Adam."""
    device = settings.device
    generator = Generator(settings.config).eval().requires_grad_(False).to(device)
    target = build(settings.architecture, CLASSES, settings.config.image_channels)
    classifier = target.to(device).freeze()
    batch = settings.attack_batch
    starts = torch.randn(1, batch, generator.w_dim, generator=torch.Generator().manual_seed(0))

    def work(precision: Precision, steps: int, checkpoint: Checkpoint) -> object:
        recipe = OptimisationRecipe(steps, batch_size=batch, precision=precision)
        pipeline = ImagePipeline(generator, settings.crop_px)
        given = Given(
            {}, {}, [0], settings.image_px, settings.crop_px, 0, device, batch, checkpoint,
            settings.compiling,
        )  # fmt: skip
        return optimise_latents(given, recipe, pipeline, classifier, starts)

    return work


def training(settings: Settings) -> Work:
    """One optimiser step of a target, its augmentation included."""
    shape = settings.config.image_channels, settings.image_px, settings.image_px
    draws = torch.Generator().manual_seed(0)

    def work(precision: Precision, steps: int, checkpoint: Checkpoint) -> object:
        count = settings.training_batch * steps
        pixels = torch.randint(256, (count, *shape), generator=draws, dtype=torch.uint8)
        images = LabelledImages(pixels, torch.arange(count) % CLASSES, CLASSES)
        recipe = TrainingRecipe.of(
            {
                "epochs": 1, "batch_size": settings.training_batch, "precision": precision,
                "optimiser": {"name": "adam", "lr": 1e-3},
                "augmentation": {
                    "crop_scale": [0.85, 1.0], "brightness": 0.2, "contrast": 0.2,
                    "saturation": 0.1, "hue": 0.1, "flip": 0.5,
                },
            }
        )  # fmt: skip
        return train_classifier(
            settings.architecture, images, None, recipe, 0, checkpoint, settings.device
        )

    return work


def clock(device: str) -> float:
    """Seconds, once the device has done all it was told to; on a CPU those it has worked for us."""
    if device == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return time.process_time()


def measure(work: Work, precision: Precision, settings: Settings) -> Measured | None:
    """Median time of a step and peak memory (on a CPU that of the whole process so far)."""
    cuda = settings.device == "cuda"
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    watch = Clock(lambda: clock(settings.device))
    try:
        work(precision, settings.steps + 1, watch)
    except torch.OutOfMemoryError:
        return None
    memory = torch.cuda.max_memory_allocated() if cuda else _resident()
    return Measured(statistics.median(watch.steps()), memory)


def _resident() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def count(work: Work) -> float:
    """FLOP of one step."""
    with Tally() as tally:
        notes = Clock(lambda: float(tally.flops))
        work("fp32", 2, notes)
    return notes.steps()[0]


def peak(precision: Precision, device: str, px: int = 64) -> float:
    """FLOP/s of the faster of a large matrix product and a large 3x3 convolution."""
    side, channels = (px * 128, 512) if device == "cuda" else (px * 16, 128)
    kind = torch.bfloat16 if precision == "bf16" else torch.float32
    matrix = torch.randn(side, side, device=device, dtype=kind)
    images, kernel = (
        torch.randn(shape, device=device, dtype=kind).to(memory_format=torch.channels_last)
        for shape in ((16 if device == "cuda" else 2, channels, px, px), (channels, channels, 3, 3))
    )
    speeds = []
    with numerics(precision, device), torch.no_grad():
        for flop, run in (
            (2 * side**3, lambda: matrix @ matrix),
            (
                2 * 9 * channels * images.numel(),
                lambda: torch.nn.functional.conv2d(images, kernel, padding=1),
            ),
        ):
            run()
            times = []
            for _ in range(10):
                began = clock(device)
                run()
                times.append(clock(device) - began)
            speeds.append(flop / min(times))
    return max(speeds)


def rows(settings: Settings, precisions: Sequence[Precision]) -> list[tuple[str, ...]]:
    """Measure both steps at every precision."""
    works = (
        ("attack step", attack(settings), settings.attack_batch),
        ("training step", training(settings), settings.training_batch),
    )
    highest = {
        precision: peak(precision, settings.device, settings.peak_px) for precision in precisions
    }
    found = []
    for name, work, batch in works:
        flop = count(work)
        for precision in precisions:
            measured = measure(work, precision, settings)
            start = (name, precision, str(batch))
            if measured is None:
                found.append((*start, *["out of memory"] * (len(HEADER) - len(start))))
                continue
            speed, top = flop / measured.seconds, highest[precision]
            figures = (
                f"{measured.seconds:.3g}", f"{batch / measured.seconds:.3g}",
                f"{measured.memory / 2**30:.1f} GiB", f"{flop / batch / 1e12:.3f}",
                f"{speed / 1e12:.3g}", f"{top / 1e12:.3g}", f"{speed / top:.0%}",
            )  # fmt: skip
            found.append((*start, *figures))
    return found


def main(arguments: Sequence[str]) -> int:
    """Print the table."""
    options = argparse.ArgumentParser(prog="run.py paper_scale", description=__doc__)
    options.add_argument("--device", default="auto", choices=["auto", "cpu", "cuda"])
    options.add_argument("--attack-batch", type=int, help="default: 25; on a CPU 1")
    options.add_argument("--training-batch", type=int, help="default: 128; on a CPU 2")
    options.add_argument("--steps", type=int, help="timed steps; default: 10; on a CPU 2")
    options.add_argument("--compile", action="store_true", help="the attack step")
    options.add_argument("--precisions", nargs="+", choices=["fp32", "tf32", "bf16"])
    told = options.parse_args(arguments)
    device = choose_device(told.device)
    cuda = device == "cuda"
    settings = Settings(
        device,
        told.attack_batch or (25 if cuda else 1),
        told.training_batch or (128 if cuda else 2),
        told.steps or (10 if cuda else 2),
        compiling=Compiling("on") if told.compile else UNCOMPILED,
    )
    # A CPU knows no tf32: there it is fp32.
    precisions = told.precisions or (["fp32", "tf32", "bf16"] if cuda else ["fp32", "bf16"])
    name = torch.cuda.get_device_name() if cuda else f"CPU, {torch.get_num_threads()} thread(s)"
    print(f"{name}, PyTorch {torch.__version__}\n\n{markdown(HEADER, rows(settings, precisions))}")
    return 0
