"""Every setting of both scales is what the code that uses it takes."""

from pathlib import Path

import pytest
import yaml
from mirage.attacks.optimisation import OptimisationRecipe
from mirage.attacks.pool import PoolRecipe
from mirage.attacks.sampling import SamplingRecipe
from mirage.attacks.selection import SelectionRecipe
from mirage.data.dataset import DatasetRecipe
from mirage.data.published import Published
from mirage.data.views import ViewRecipe
from mirage.evaluation.knowledge import KnowledgeRecipe
from mirage.evaluation.networks import NetworkSpec
from mirage.paper.toy import ToyRecipe
from mirage.priors.recipe import PriorRecipe
from mirage.study import NETWORKS, Study
from mirage.targets import architectures
from mirage.targets.recipe import TrainingRecipe

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "config.yaml").read_text())


@pytest.fixture(params=list(CONFIG["scales"]))
def study(request):
    return Study(CONFIG["scales"][request.param])


def test_architectures_are_registered(study):
    assert set(study.scale["architectures"]) <= set(architectures.names())


def test_recipes_of_data_and_priors(study):
    for entry in study.scale["datasets"].values():
        DatasetRecipe.of({**entry["recipe"], "classes": entry["classes"]})
        Published.of(entry.get("published", {}))
        for view in entry["views"].values():
            ViewRecipe.of(view)
    for entry in study.scale["priors"].values():
        if entry["source"]["kind"] == "trained":
            PriorRecipe.of(entry["source"]["recipe"])
    for name, entry in study.scale["pools"].items():
        assert PoolRecipe.of({k: v for k, v in entry.items() if k != "prior"}).size, name


def test_recipes_of_targets_and_attacks(study):
    for target in study.targets:
        assert TrainingRecipe.of(study.training(target)).alpha == target.alpha
    for attack in study.attacks:
        settings = study.attack(attack)
        SamplingRecipe.of(settings["sampling"])
        OptimisationRecipe.of(settings["optimisation"])
        SelectionRecipe.of(settings["selection"])


def test_recipes_of_the_evaluation(study):
    for dataset in study.scale["networks"]:
        for role in NETWORKS:
            NetworkSpec.of(study.network_spec(dataset, role))
        KnowledgeRecipe.of(study.knowledge(dataset))
    ToyRecipe.of(study.scale["paper"]["toy"])
