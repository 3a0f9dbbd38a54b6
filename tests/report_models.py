"""What a report is made of, made up: a study of which a part is done, and a toy example."""

import json
from pathlib import Path

import torch
import yaml
from mirage.paper.finished_part import FinishedPart
from mirage.paper.toy_result import ToyResult, ToyRun

CONFIG = yaml.safe_load((Path(__file__).parents[1] / "config.yaml").read_text())
SCALE = CONFIG["scales"]["demo"]
GAIN = {"ls0.1": 10.0, "ls0": 0.0, "ls-0.05": -20.0}
JOB = {
    "rule": "run_cell", "params": {}, "code": "new", "versions": {"torch": "2.14", "scipy": None},
    "python": "3.11", "machine": {"node": "x86_64", "cores": 2, "device": "cpu"}, "threads": 1,
    "startup_s": 2.0, "wall_s": 18.0, "cpu_s": 19.0, "peak_memory_mb": 400.0,
}  # fmt: skip


class Now(dict):
    """The code as it is now."""

    def __init__(self):
        super().__init__(run_cell="new")

    def of(self, rule, settings):
        return self[rule]


def finished_part():
    """The demo, of which the attacks on three factors are done; its files go to the current folder.

    Each seed has some luck.
    """
    for cell in FinishedPart(SCALE).whole.attacks:
        target = cell.target
        if str(cell) == "ppa" and target.architecture == "resnet-mini" and target.samples == 3:
            gain = GAIN.get(str(target.treatment))
            if gain is not None:
                write(cell, 0.5 + gain / 100 + target.seed * (3 + gain) / 5000)
    return FinishedPart(SCALE)


def write(cell, share):
    metrics = {"acc1": share, "acc5": share, "delta_face": 2 - share, "delta_eval": 20 - share}
    put(f"{cell.path}/metrics.json", {"paper": metrics, "corrected": metrics})
    put(f"{cell.target.path}/metrics.json", {"test_accuracy": share, "calibration_error": 0.1})


def put(path, record):
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(json.dumps(record))


def toy_result():
    """Three classes and the runs of two factors."""
    axis = torch.linspace(0, 1, 100)
    runs = tuple(
        ToyRun(
            alpha, 42, 0.1, 1.0, 1, torch.linspace(-3, 3, 5001)[:, None].expand(-1, 2), 3.0, 1.0,
            0.9, axis[:, None] * axis,
        )
        for alpha in (0.0, -0.05)
    )  # fmt: skip
    generator = torch.Generator().manual_seed(0)
    points = torch.randn(30, 2, generator=generator)
    return ToyResult(points, torch.arange(30) % 3, runs)
