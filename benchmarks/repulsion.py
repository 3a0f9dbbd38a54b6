"""BREP-MI's walks: all classes in one batch against one class at a time, as published."""

import argparse
import time
from collections.abc import Sequence
from typing import NamedTuple

import torch
from mirage.attacks.kinds.brep.asking import Asker
from mirage.attacks.kinds.brep.labels import HardLabels
from mirage.attacks.kinds.brep.recipe import BrepRecipe
from mirage.attacks.kinds.brep.repulsion import Walks, advance
from mirage.attacks.kinds.brep.starts import Starts
from mirage.priors.gans.deconvolution import DeconvolutionGenerator
from mirage.priors.gans.sizes import DeconvolutionConfig
from mirage.priors.rendering import Prior
from mirage.priors.weights import frozen
from mirage.targets.architectures import build

from benchmarks.paired import Ratio, ratio_of
from benchmarks.table import markdown

EXPECTED = {24: 4.0}
"""Classes -> least ratio asked for."""
RECIPE = BrepRecipe()


class Setting(NamedTuple):
    """Random networks: the demo's sizes, or 64 px colour ones.

    Attributes:
        generator: of the prior.
        architecture: of the target.
        classes: it tells apart.
    """

    generator: DeconvolutionConfig
    architecture: str
    classes: int


SETTINGS = {
    "demo": Setting(DeconvolutionConfig(32, 1, (128, 64, 32)), "resnet-mini", 24),
    "paper": Setting(DeconvolutionConfig(), "resnet18", 1000),
}


def asker(setting: Setting, device: str, batch: int) -> Asker:
    """What is asked."""
    shape = setting.generator
    prior = Prior(frozen(DeconvolutionGenerator(shape), device), shape.image_px)
    target = build(setting.architecture, setting.classes, shape.image_channels)
    labels_of = HardLabels(target.to(device).freeze(), shape.image_px, 0)
    return Asker(prior.generate, labels_of, device, batch)


def begin(ask: Asker, count: int, z_dim: int) -> tuple[Walks, torch.Tensor]:
    """Walks from random latents, each in the class that it is seen as."""
    z = torch.randn(count, z_dim, generator=torch.Generator().manual_seed(1)).clamp(-1.5, 1.5)
    (classes,) = ask(z[None], torch.zeros(1, dtype=torch.int64), [("start", 0)])
    found = torch.ones(count, dtype=torch.bool)
    return Walks.begin(Starts(classes, z, found, found.long()), RECIPE), classes


def compare(name: str, count: int, passes: int, rounds: int, device: str, batch: int) -> Ratio:
    """Time as many passes of as many classes both ways, by turns, after one of each."""
    setting = SETTINGS[name]
    ask = asker(setting, device, batch)
    walks, classes = begin(ask, count, setting.generator.z_dim)

    def together() -> torch.Tensor:
        own = Walks(**vars(walks))
        for _ in range(passes):
            advance(own, torch.arange(count), classes, ask, RECIPE, 0)
        return own.z

    def alone() -> torch.Tensor:
        own = Walks(**vars(walks))
        for row in range(count):
            for _ in range(passes):
                advance(own, torch.tensor([row]), classes, ask, RECIPE, 0)
        return own.z

    times: tuple[list[float], list[float]] = [], []
    for _ in range(rounds + 1):
        results = []
        for work, taken in zip((together, alone), times, strict=True):
            began = _seconds(device)
            results.append(work())
            taken.append(_seconds(device) - began)
        if not torch.equal(*results):
            print(f"{int((results[0] != results[1]).any(1).sum())} walks part by rounding")
    return ratio_of(times[0][1:], times[1][1:])


def _seconds(device: str) -> float:
    """Seconds the process worked; on a GPU those on the wall."""
    if device == "cpu":
        return time.process_time()
    torch.cuda.synchronize()
    return time.perf_counter()


def main(options: Sequence[str]) -> int:
    """Print a row per number of classes."""
    parser = argparse.ArgumentParser(prog="benchmarks/run.py repulsion")
    parser.add_argument("--size", choices=tuple(SETTINGS), default="demo")
    parser.add_argument("--classes", type=int, nargs="+", default=[24, 100])
    parser.add_argument("--passes", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--batch", type=int, default=250, help="forward_batch")
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args(options)
    rows = []
    for count in chosen.classes:
        ratio = compare(
            chosen.size, count, chosen.passes, chosen.rounds, chosen.device, chosen.batch
        )
        each = count * chosen.passes
        asked = EXPECTED.get(count)
        rows.append((
            f"{chosen.size}, {count} classes, batch {chosen.batch}, {chosen.device}",
            f"{1000 * ratio.ours / each:.2f} ms", f"{1000 * ratio.reference / each:.2f} ms",
            f"{ratio.median:.2f} ({ratio.low:.2f}..{ratio.high:.2f})",
            "" if asked is None else f">= {asked:g}",
        ))  # fmt: skip
    header = ("walks", "together, a sphere", "one at a time, a sphere", "ratio", "expected")
    print(markdown(header, rows))
    return 0
