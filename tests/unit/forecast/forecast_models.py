"""Models of both scales for the tests of the forecast, without results."""

from functools import cache
from pathlib import Path

import yaml
from mirage.forecast.speeds import load_model

ROOT = Path(__file__).resolve().parents[3]
PRESETS = ROOT / "workflow/presets/forecast"
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))

_SETTINGS = yaml.safe_load((ROOT / "profiles/slurm/settings.yaml").read_text(encoding="utf-8"))
LIMITS = {name: _SETTINGS[name] for name in ("longest_minutes", "most_mb")}


@cache
def model_of(name, device="cuda", per_chunk=None, forward=250, optimise=72):
    return load_model(
        CONFIG["scales"][name], per_chunk, forward, optimise, device, PRESETS, results=None
    )


def paper():
    """The paper scale as the cluster's profile runs it."""
    return model_of("paper", per_chunk=53, forward=100, optimise=50)


def demo():
    return model_of("demo", "cpu")
