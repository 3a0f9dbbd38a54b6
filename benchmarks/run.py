"""Measure: python benchmarks/run.py [NAME] [options].

Names: bytes, compiled, defenses, digests, feed, gradients, growth, neighbours, paper_scale, plan,
precision, ratios, repulsion, rlb, scheduler, scoring, step.

Without a name: how many times as long straightforward references take.
"""

import os
import sys
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "workflow/scripts")]

PRIOR = ROOT / "workflow/presets/priors/orl-faces/generator.safetensors"
CLASSES, PER_CLASS = 24, 7
NAMED = (
    "bytes", "compiled", "defenses", "digests", "feed", "gradients", "growth", "neighbours",
    "paper_scale", "plan", "precision", "repulsion", "rlb", "scheduler", "scoring", "step",
)  # fmt: skip


def main(arguments: list[str]) -> int:
    """Run what is named."""
    import importlib

    import torch

    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    name, *options = arguments or ["ratios"]
    if name == "ratios":
        return ratios()
    if name not in NAMED:
        print(__doc__, file=sys.stderr)
        return 2
    return importlib.import_module(f"benchmarks.{name}").main(options)


def ratios() -> int:
    """Run all comparisons on one thread; 1 if any result differs from its reference."""
    import torch
    from mirage.data.views import LabelledImages
    from mirage.evaluation.features import to_stored_range
    from mirage.priors.weights import load_generator

    from benchmarks import attack, evaluation, gans, preparation, training
    from benchmarks.table import table

    torch.set_num_threads(1)
    torch.manual_seed(0)
    generator = load_generator(PRIOR)
    with torch.no_grad():
        faces = to_stored_range(generator(torch.randn(CLASSES * PER_CLASS, generator.z_dim)))
    people = LabelledImages(faces, torch.arange(CLASSES).repeat_interleave(PER_CLASS), CLASSES)
    rows = [
        *attack.rows(generator),
        *preparation.rows(),
        *training.rows(people),
        *gans.rows(people, 5),
        *evaluation.rows(generator, people),
    ]
    print(table(rows))
    return 0 if all(row.agrees for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
