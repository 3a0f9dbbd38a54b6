"""How cost grows with the size of the work.

    python benchmarks/run.py growth

The demo's attack with more latents, classes or steps, the demo's plan with more seeds, and scores
of more images. Each row is the processor time of one size, and how many times that is what the size
before took; the sizes double, those of the plan do not. Seconds depend on the machine and its load,
the factors less so.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import torch
from mirage.attacks.given import Given
from mirage.attacks.kinds.ppa.optimise import optimise_latents
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe
from mirage.evaluation.real_side import fit_reference
from mirage.evaluation.scores import score_attack
from mirage.evaluation.stored import AttackFeatures, RealFeatures
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.stylegan2.generator import Generator
from mirage.priors.weights import load_generator
from mirage.recipes import OptimiserRecipe
from mirage.runtime.checkpoint import Checkpoint
from mirage.targets.architectures import build

from benchmarks.attack import TARGET
from benchmarks.plan import Checkout, cpu_s
from benchmarks.run import PRIOR
from benchmarks.table import markdown

ATTACK = {"classes": 12, "latents a class": 6, "steps": 10}
FEATURES, REAL_A_CLASS = 256, 16
REPETITIONS = 3


def main(_: list[str]) -> int:
    """Print the table."""
    rows: list[tuple[str, ...]] = []
    for what, taken in (*_attacks(), *_scores(), *_plans()):
        sizes = list(taken)
        for place, size in enumerate(sizes):
            factor = taken[size] / taken[sizes[place - 1]] if place else None
            rows.append(
                (what, str(size), f"{taken[size]:.3g} s", f"{factor:.2f}" if factor else "")
            )
    print(markdown(("work", "size", "CPU time", "times the size before"), rows))
    return 0


def _attacks() -> Iterator[tuple[str, Mapping[int, float]]]:
    generator = load_generator(PRIOR)
    for changed, first in ATTACK.items():
        taken = {}
        for size in (first, 2 * first, 4 * first):
            work = ATTACK | {changed: size}
            taken[size] = _least(lambda work=work: _attack(generator, *work.values()))
        yield f"attack, {changed}", taken


def _attack(generator: Generator, classes: int, per_class: int, steps: int) -> None:
    px = generator.image_px
    target = build(TARGET, classes, generator.config.image_channels).freeze()
    recipe = OptimisationRecipe(
        steps, OptimiserRecipe("adam", 0.03, betas=(0.1, 0.1)), batch_size=6
    )
    stream = torch.Generator().manual_seed(1)
    latents = torch.randn(classes, per_class, generator.w_dim, generator=stream)
    given = Given({}, {}, [*range(classes)], px, px, 0, "cpu", 72, Checkpoint(None, {}))
    optimise_latents(given, recipe, ImagePipeline(generator, px), target, latents)


def _scores() -> Iterator[tuple[str, Mapping[int, float]]]:
    images = (600, 1200, 2400)
    yield "score, attack images", {n: _least(lambda n=n: _score(n)) for n in images}


def _score(images: int) -> None:
    draws = np.random.default_rng(0)
    per_class = 25
    classes = np.arange(images // per_class)
    labels = classes.repeat(REAL_A_CLASS)
    shapes = {role: (len(classes), per_class, FEATURES) for role in ("eval", "face", "fid")}
    fidelities = ("paper", "corrected")
    attack = AttackFeatures(
        classes,
        {f"{role}.{f}": _drawn(draws, shape) for role, shape in shapes.items() for f in fidelities},
        {f"eval.{f}": _drawn(draws, (*shapes["eval"][:2], len(classes))) for f in fidelities},
    )
    real = RealFeatures(
        labels,
        {
            f"{role}.{f}": _drawn(draws, (len(labels), FEATURES))
            for role in shapes
            for f in fidelities
        },
    )
    score_attack(attack, real, fit_reference(real), {})


def _drawn(draws: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    return draws.standard_normal(shape, np.float32)


def _plans() -> Iterator[tuple[str, Mapping[str, float]]]:
    taken = {}
    with tempfile.TemporaryDirectory() as made:
        checkout = Checkout(Path(made))
        for seeds in (1, 2, 4, 8):
            arguments = ("all", "--config", f"most_seeds={seeds}")
            cpu_s(checkout.folder, *arguments)  # reads the code
            seconds = cpu_s(checkout.folder, *arguments)
            taken[f"{_jobs(checkout.folder, *arguments)} jobs"] = seconds
    yield "plan of the demo, 1 to 8 seeds", taken


def _jobs(folder: Path, *arguments: str) -> int:
    command = [sys.executable, "-P", "-m", "snakemake", "-n", "--quiet", "rules", *arguments]
    done = subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)
    return int((done.stdout + done.stderr).rpartition("total")[2].split()[0])


def _least(work: Callable[[], object]) -> float:
    """The least processor time of some repetitions, after one that is not timed."""
    work()
    taken = []
    for _ in range(REPETITIONS):
        began = time.process_time()
        work()
        taken.append(time.process_time() - began)
    return min(taken)
