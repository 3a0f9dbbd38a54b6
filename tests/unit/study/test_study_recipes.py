"""Recipes: reachable from the configuration, each and all; importable without torch."""

import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from mirage.attacks.losses import LOSSES
from mirage.errors import MirageError
from mirage.evaluation.networks import KINDS
from mirage.evaluation.recipe import NetworkSpec
from mirage.study import configuration
from mirage.study.settings import with_first_seeds

ROOT = Path(__file__).parents[3]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())


def test_kinds_of_networks_are_those_that_can_be_loaded():
    for kind in KINDS:
        assert NetworkSpec.of({"kind": kind, "image_px": 8}).kind == kind
    with pytest.raises(MirageError, match=r"NetworkSpec\.kind"):
        NetworkSpec.of({"kind": "other", "image_px": 8})


def _demo(config):
    return config["scales"]["demo"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda demo: demo["attacks"]["ppa-ce"]["optimisation"].update(loss="cross_entrpy"),
         "attacks.ppa-ce.optimisation: loss is 'cross_entrpy'"),
        (lambda demo: demo["training"]["few"].update(keep="best", batch_size=1),
         "training.few: batch_size is 1"),
        (lambda demo: demo["targets"][0].update(treatments=["ls1.5"]),
         r"targets\[0\].*alpha is 1.5"),
        (lambda demo: demo["targets"][1].update(treatments=["ls0+slow2"]),
         r"targets\[1\].*'slow2'"),
        (lambda demo: demo["treatments"]["ls"].update(ramp="steep"),
         "treatments.ls.ramp is 'steep'"),
        (lambda demo: demo["treatments"]["ls"].update(rampp=1),
         "treatments.ls has no key 'rampp'.*Did you mean 'ramp'"),
        (lambda demo: demo["treatments"].update(lss={}),
         "treatments has no key 'lss'.*Did you mean 'ls'"),
        (lambda demo: demo["pools"]["orl-1000"].update(cutoff=0), "pools.orl-1000: cutoff is 0"),
        (lambda demo: demo["datasets"]["orl"].update(groups={"a": "0-29", "b": "30-50"}),
         "datasets.orl: groups is {'a': '0-29', 'b': '30-50'}. Expected: each class once, of 0"),
        (lambda demo: demo["datasets"]["orl"].update(groups={"a": "0-3", "b": [3]}),
         "datasets.orl: groups is {'a': '0-3', 'b': "),
        (lambda demo: demo["paper"]["toy"].update(alphas=[0, 0]), "alphas"),
    ],
)  # fmt: skip
def test_what_a_recipe_refuses_is_told_at_the_start(change, named):
    config = deepcopy(CONFIG)
    change(_demo(config))
    with pytest.raises(MirageError, match=named):
        configuration.check(config)


def test_all_losses_may_stand_in_the_configuration():
    for loss in LOSSES:
        config = deepcopy(CONFIG)
        _demo(config)["attacks"]["ppa-ce"]["optimisation"]["loss"] = loss
        configuration.check(config)


def test_planning_needs_no_torch():
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'workflow/scripts')!r}); "
        "sys.modules['torch'] = None; import mirage.study.study, mirage.study.configuration, "
        "mirage.evaluation.recipe, mirage.forecast.speeds"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_first_seeds_of_each_grid_for_a_first_look():
    scale = CONFIG["scales"]["demo"]
    assert with_first_seeds(scale, None) == scale
    fewer = with_first_seeds(scale, 2)
    assert {tuple(grid["seeds"]) for grid in fewer["targets"]} == {(1, 2), (1,)}
    assert [grid["seeds"] for grid in scale["targets"]] != [
        grid["seeds"] for grid in fewer["targets"]
    ]
