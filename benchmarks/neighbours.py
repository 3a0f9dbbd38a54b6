"""Time and memory of all distances between the features of a data set (Figure 5)."""

import argparse
import resource
import time
from collections.abc import Sequence
from pathlib import Path

import torch
from mirage.evaluation.measures.embeddings.neighbours import BLOCK, neighbours
from torch import Tensor

from benchmarks.table import markdown


def people(images: int, width: int, classes: int) -> tuple[Tensor, Tensor]:
    """Features [images, width] that cluster by class, and their labels."""
    stream = torch.Generator().manual_seed(0)
    labels = torch.randint(classes, (images,), generator=stream)
    features = torch.randn(images, width, generator=stream)
    features += 2 * torch.randn(classes, width, generator=stream)[labels]
    return features, labels


def main(options: Sequence[str]) -> int:
    """Measure one size; FaceScrub's by default."""
    parser = argparse.ArgumentParser(prog="benchmarks/run.py neighbours")
    parser.add_argument("--images", type=int, default=34_090)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--classes", type=int, default=530)
    parser.add_argument("--device", default="cpu")
    chosen = parser.parse_args(options)
    features, labels = people(chosen.images, chosen.width, chosen.classes)
    before = _resident_mb()
    wall, cpu = time.perf_counter(), time.process_time()
    found = neighbours(features, labels, chosen.device)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    gap = check(features, labels, found.other_nearest)
    row = (
        f"{chosen.images:,} × {chosen.width:,}, blocks of {BLOCK:,}, {chosen.device}",
        f"{wall:.0f} s", f"{cpu:.0f} s", f"{_peak_mb() - before:,.0f} MB", f"{gap:.0e}",
    )  # fmt: skip
    print(markdown(("features", "wall", "CPU", "peak memory beside the features", "gap"), [row]))
    return 0 if gap < 1e-9 else 1


def check(features: Tensor, labels: Tensor, other_nearest: Tensor, rows: int = 3) -> float:
    """Largest relative gap to differences taken one by one, for a few images."""
    gaps = []
    for image in range(rows):
        away = (features.double() - features[image].double()).norm(dim=1)
        nearest = away[labels != labels[image]].min()
        gaps.append(abs(float(other_nearest[image] / nearest) - 1))
    return max(gaps)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
