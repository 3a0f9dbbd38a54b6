"""Time and memory of scoring one attack, and of what is fitted once for all attacks."""

import argparse
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from mirage.evaluation.fidelity import CORRECTED, FIDELITIES
from mirage.evaluation.real_side import FID, Reference, fit_reference
from mirage.evaluation.scores import score_attack
from mirage.evaluation.stored import AttackFeatures, RealFeatures

ATTACK, REAL, REFERENCE = "attack.safetensors", "real.safetensors", "reference.safetensors"


class Size(NamedTuple):
    """Images of both sides, the people they are of, and the widest network's features."""

    fakes: int
    reals: int
    classes: int
    width: int


class Cost(NamedTuple):
    """What a piece of work returned, and what it took in a process of its own."""

    found: Any
    wall_s: float
    cpu_s: float
    peak_mb: float


def main(options: Sequence[str]) -> int:
    """Measure one size; an attack on all of FaceScrub by default."""
    from benchmarks.table import markdown

    parser = argparse.ArgumentParser(prog="benchmarks/run.py scoring")
    parser.add_argument("--fakes", type=int, default=26_500)
    parser.add_argument("--reals", type=int, default=33_920)
    parser.add_argument("--classes", type=int, default=530)
    parser.add_argument("--width", type=int, default=2048)
    size = Size(**vars(parser.parse_args(options)))
    with tempfile.TemporaryDirectory() as folder:
        apart(make, folder, size)
        costs = {"fit_reference, once": apart(fit, folder)}
        costs["score_attack, each"] = scored = apart(score, folder)
        gap = abs(scored.found / apart(by_eigenvalues, folder).found - 1)
    rows = [
        (name, f"{cost.wall_s:.1f} s", f"{cost.cpu_s:.1f} s", f"{cost.peak_mb:,.0f} MB")
        for name, cost in costs.items()
    ]
    print(f"{size.fakes:,} against {size.reals:,} images of {size.classes:,} people, ", end="")
    print(f"{size.width:,} features; gap of the FID {gap:.0e}")
    print(markdown(("job", "wall", "CPU", "peak memory"), rows))
    return 0 if gap < 1e-6 else 1


def make(folder: str, size: Size) -> None:
    """Write features of an evaluator and a FID network of full width, of a face network of less."""
    stream = np.random.default_rng(0)
    fakes = np.repeat(np.arange(size.classes), size.fakes // size.classes)
    reals = stream.permutation(np.arange(size.reals) % size.classes)
    attack, real = {}, {}
    for network, width in (("eval", size.width), (FID, size.width), ("face", size.width // 4)):
        # Features of networks differ in how much they vary, here by three decades.
        scale = np.logspace(0, -3, width, dtype=np.float32)
        people = stream.standard_normal((size.classes, width), np.float32)
        for fidelity in FIDELITIES:
            name = f"{network}.{fidelity}"
            own = stream.standard_normal((len(fakes), width), np.float32) + people[fakes]
            attack[name] = (own * scale).reshape(size.classes, -1, width)
            if network == FID or fidelity == CORRECTED:
                own = stream.standard_normal((len(reals), width), np.float32) + people[reals]
                real[name] = own * scale
    shape = (size.classes, len(fakes) // size.classes, size.classes)
    logits = {f"eval.{name}": stream.standard_normal(shape, np.float32) for name in FIDELITIES}
    AttackFeatures(np.arange(size.classes), attack, logits).save(Path(folder, ATTACK))
    RealFeatures(reals, real).save(Path(folder, REAL))


def fit(folder: str) -> None:
    """Do what the job ``fit_reference`` does."""
    fit_reference(RealFeatures.load(Path(folder, REAL))).save(Path(folder, REFERENCE))


def score(folder: str) -> float:
    """Do what the job ``score_attack`` does; its FID."""
    found = score_attack(
        AttackFeatures.load(Path(folder, ATTACK)),
        RealFeatures.load(Path(folder, REAL)),
        Reference.load(Path(folder, REFERENCE)),
        {},
        {"network": "face", **{fidelity: {"squared": 1.0} for fidelity in FIDELITIES}},
    )
    return float(found[CORRECTED]["fid"])


def by_eigenvalues(folder: str) -> float:
    """FID of the corrected reading from whole covariances, by eigenvalues of their product."""
    real = RealFeatures.load(Path(folder, REAL)).of(FID, CORRECTED).astype(np.float64)
    fake = AttackFeatures.load(Path(folder, ATTACK)).of(FID, CORRECTED).astype(np.float64)
    fake = fake.reshape(-1, fake.shape[-1])
    offset = real.mean(axis=0) - fake.mean(axis=0)
    a, b = np.cov(real, rowvar=False), np.cov(fake, rowvar=False)
    values, vectors = np.linalg.eigh(a)
    root = vectors * np.sqrt(values.clip(min=0))
    shared = np.sqrt(np.linalg.eigvalsh(root.T @ b @ root).clip(min=0)).sum()
    return float(offset @ offset + np.trace(a) + np.trace(b) - 2 * shared)


def apart(work: Callable[..., Any], *arguments: Any) -> Cost:
    """Run in a fresh process, whose memory is that of this work alone."""
    fresh = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=fresh) as pool:
        return pool.submit(_measured, work, *arguments).result()


def _measured(work: Callable[..., Any], *arguments: Any) -> Cost:
    wall, cpu = time.perf_counter(), time.process_time()
    found = work(*arguments)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Cost(found, wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
