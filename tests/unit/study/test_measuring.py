"""Networks that measure attacks, the files they and other measures read."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from mirage.errors import MirageError
from mirage.study import measuring
from mirage.study.study import Study

ROOT = Path(__file__).resolve().parents[3]
SCALES = yaml.safe_load((ROOT / "config.yaml").read_text(encoding="utf-8"))["scales"]
DEMO = Study(SCALES["demo"])


def test_networks_of_a_draw_are_those_of_its_cells():
    drawn = measuring.Networks.drawn(DEMO, "orl/s2")
    assert drawn == measuring.Networks(DEMO, "orl", 2)
    assert drawn.features == "evaluation/orl/s2/features.safetensors"
    assert len(drawn.weights) == len(drawn.views) == len(drawn.specs)
    assert (drawn.evaluator, drawn.store) == ([], [])


def _with_a_released_evaluator():
    scale = deepcopy(SCALES["paper"])
    network = scale["networks"]["facescrub"]["eval"]
    del network["target"]
    network |= {"asset": "evaluator-facescrub", "released": {"architecture": "inception-v3"}}
    return Study(scale)


def test_released_and_unrounded_networks_ask_for_more():
    networks = measuring.Networks(_with_a_released_evaluator(), "facescrub", None)
    assert networks.evaluator == "evaluation/facescrub/evaluator.json"
    assert "data/facescrub/pixels.safetensors" in networks.store


def test_only_a_released_evaluator_is_checked():
    found = measuring.released_evaluator(_with_a_released_evaluator(), "facescrub")
    assert found["asset"] == "evaluator-facescrub"
    with pytest.raises(MirageError, match="trained here"):
        measuring.released_evaluator(DEMO, "orl")


def test_a_measure_is_one_of_the_attacks():
    attack = next(attack for attack in DEMO.attacks if DEMO.measures(attack))
    files = measuring.inputs(DEMO, attack, "knowledge", "outcome")
    assert files["images"] == f"{attack.path}/images.safetensors"
    with pytest.raises(MirageError, match="has no measure 'fame'"):
        measuring.recipe(DEMO, attack, "fame")
