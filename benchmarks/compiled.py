"""What compiled steps change in the demo's metrics: run.py compiled.

For each seed targets and evaluation networks are trained as the demo does, and attacked as the demo
does: in float32, in other device batches (the yardstick of mere rounding), and by compiled steps.
"""

import argparse
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

import torch
from mirage.attacks.compiled import UNCOMPILED, Compiling

from benchmarks.precision import World, attack_of, attacked, scored, trained, world
from benchmarks.table import markdown

ALPHAS = (0.0, -0.05)
METRICS = ("Acc@1 %", "Acc@5 %", "δ face", "robust confidence")
PLACES = (1, 1, 4, 4)
HEADER = ("seed", "target", "attack", *METRICS, "same results %")
BATCH, OTHER_BATCH = 72, 36


class Cell:
    """One target under each way to attack it: metrics, and places of what was kept."""

    def __init__(self, made: World, alpha: float, kept: Path) -> None:
        """Train the target and attack it."""
        target = trained(made.study, attack_of(alpha, made.seed).target, made.few, "cpu")
        self.name = (str(made.seed), f"α = {alpha:g}")
        self.metrics, self.indices = {}, {}
        for way, batch, compiling in (
            ("fp32", BATCH, UNCOMPILED),
            ("fp32, other device batch", OTHER_BATCH, UNCOMPILED),
            ("fp32, compiled", BATCH, Compiling("on", kept)),
        ):
            result = attacked(made, target, alpha, "fp32", batch, compiling)
            scores = scored(made, result.latents, "fp32")
            sure = float(result.scores.mean())
            self.metrics[way] = (
                100 * scores.acc1, 100 * scores.acc5, scores.delta_face, sure,
            )  # fmt: skip
            self.indices[way] = result.indices

    def rows(self) -> list[tuple[str, ...]]:
        """A row for each way."""
        plain = self.indices["fp32"]
        same = {way: (found == plain).double().mean() for way, found in self.indices.items()}
        return [
            (*self.name, way, *_told(metrics, ""), f"{100 * float(same[way]):.0f}")
            for way, metrics in self.metrics.items()
        ]


def changes(cells: Sequence[Cell]) -> list[tuple[str, ...]]:
    """Mean and largest difference to fp32 of each metric, over all cells."""
    gaps = defaultdict(list)
    for cell in cells:
        plain = cell.metrics["fp32"]
        for way, metrics in cell.metrics.items():
            gaps[way].append([m - p for m, p in zip(metrics, plain, strict=True)])
    del gaps["fp32"]
    rows = []
    for way, found in gaps.items():
        columns = list(zip(*found, strict=True))
        rows.append((way, "mean", *_told([statistics.mean(c) for c in columns], "+")))
        rows.append((way, "largest", *_told([max(c, key=abs) for c in columns], "+")))
    return rows


def _told(values: Sequence[float], sign: str) -> list[str]:
    return [f"{value:{sign}.{places}f}" for value, places in zip(values, PLACES, strict=True)]


def main(arguments: Sequence[str]) -> int:
    """Print the metrics of each cell, and what changes over all of them."""
    options = argparse.ArgumentParser(prog="run.py compiled", description=__doc__)
    options.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3])
    told = options.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        worlds = (world("cpu", seed) for seed in told.seeds)
        cells = [Cell(made, alpha, Path(folder)) for made in worlds for alpha in ALPHAS]
    print(f"PyTorch {torch.__version__}, {torch.get_num_threads()} thread(s)\n")
    print(markdown(HEADER, [row for cell in cells for row in cell.rows()]), end="\n\n")
    print(markdown(("attack, less fp32", "over cells", *METRICS), changes(cells)))
    return 0
