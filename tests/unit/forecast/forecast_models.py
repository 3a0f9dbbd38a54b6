"""Models and plans of both scales for the tests of the forecast, without results."""

import json
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

import yaml
from mirage.forecast import graph
from mirage.forecast.speeds import load_model

ROOT = Path(__file__).resolve().parents[3]
PRESETS = ROOT / "workflow/presets/forecast"
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))

_SETTINGS = yaml.safe_load((ROOT / "profiles/slurm/settings.yaml").read_text(encoding="utf-8"))
LIMITS = {name: _SETTINGS[name] for name in ("longest_minutes", "most_mb")}


def planned(checkout, folder, **settings):
    """The jobs of a checkout's study, as Snakemake plans them."""
    script, snakefile = Path(__file__).with_name("plan_study.py"), checkout / "Snakefile"
    command = [sys.executable, script, snakefile, folder, json.dumps(settings)]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stderr
    return json.loads(told.stdout)


@cache
def model_of(name, device="cuda", per_chunk=None, forward=250, optimise=72):
    return load_model(
        CONFIG["scales"][name], per_chunk, forward, optimise, device, PRESETS, results=None
    )


@cache
def _planned(name, per_chunk):
    with tempfile.TemporaryDirectory() as folder:
        return planned(ROOT, folder, scale=name, classes_per_chunk=per_chunk)


def plan_of(model):
    """The plan of a model of ``model_of``, or of one that differs in what changes no job."""
    study = model.workshop.study
    name = next(
        name for name, scale in CONFIG["scales"].items() if scale["title"] == study.scale["title"]
    )
    return graph.plan(model.workshop, _planned(name, study.classes_per_chunk))


def paper():
    """The paper scale as the cluster's profile runs it."""
    return model_of("paper", per_chunk=53, forward=100, optimise=25)


def demo():
    return model_of("demo", "cpu")
