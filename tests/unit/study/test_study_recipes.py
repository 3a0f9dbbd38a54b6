"""Recipes: reachable from the configuration, each and all; importable without torch."""

import dataclasses
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe, SamplingRecipe, SelectionRecipe
from mirage.attacks.losses import LOSSES
from mirage.attacks.recipe import PoolRecipe
from mirage.errors import MirageError
from mirage.evaluation.networks import KINDS
from mirage.evaluation.recipe import KnowledgeRecipe, NetworkSpec
from mirage.recipes import OptimiserRecipe
from mirage.study import configuration
from mirage.targets.recipe import AugmentationRecipe, ScheduleRecipe, TrainingRecipe

ROOT = Path(__file__).parents[3]
SCHEMA = ROOT / "workflow/schemas/config.schema.yaml"
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
DEFS = yaml.safe_load(SCHEMA.read_text())["$defs"]
TRAINING = DEFS["training"]["properties"]


@pytest.mark.parametrize(
    ("recipe", "block", "elsewhere"),
    [
        (OptimiserRecipe, DEFS["optimiser"], {}),
        (TrainingRecipe, DEFS["training"], {}),
        (ScheduleRecipe, TRAINING["schedule"], {}),
        (AugmentationRecipe, TRAINING["augmentation"], {}),
        (SamplingRecipe, DEFS["sampling"], {}),
        (OptimisationRecipe, DEFS["optimisation"], {}),
        (SelectionRecipe, DEFS["selection"], {}),
        (KnowledgeRecipe, DEFS["knowledge"], {"image_px"}),  # its view's
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_field_is_a_setting_and_every_setting_a_field(recipe, block, elsewhere):
    fields = {field.name for field in dataclasses.fields(recipe)}
    assert fields - set(elsewhere) == set(block["properties"])


def test_a_pool_has_its_prior_besides():
    fields = {field.name for field in dataclasses.fields(PoolRecipe)}
    assert fields | {"prior"} == set(DEFS["pool"]["properties"])


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
         r"treatments.ls: Smoothing.ramp is 'steep'"),
        (lambda demo: demo["treatments"]["ls"].update(rampp=1),
         "treatments.ls: Smoothing has no setting 'rampp'"),
        (lambda demo: demo["treatments"].update(lss={}), "'lss' is not among .*did you mean 'ls'"),
        (lambda demo: demo["pools"]["orl-1000"].update(cutoff=0), "pools.orl-1000: cutoff is 0"),
        (lambda demo: demo["paper"]["toy"].update(alphas=[0, 0]), "alphas"),
    ],
)  # fmt: skip
def test_what_a_recipe_refuses_is_told_at_the_start(change, named):
    config = deepcopy(CONFIG)
    change(_demo(config))
    with pytest.raises(MirageError, match=named):
        configuration.check(config, SCHEMA)


def test_all_losses_may_stand_in_the_configuration():
    for loss in LOSSES:
        config = deepcopy(CONFIG)
        _demo(config)["attacks"]["ppa-ce"]["optimisation"]["loss"] = loss
        configuration.check(config, SCHEMA)


def test_planning_needs_no_torch():
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'workflow/scripts')!r}); "
        "sys.modules['torch'] = None; import mirage.study.study, mirage.study.configuration, "
        "mirage.evaluation.recipe, mirage.forecast.speeds"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
