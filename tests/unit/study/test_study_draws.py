"""Which draws the cells of a study share, and which each seed has for itself."""

from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from mirage.errors import MirageError
from mirage.paper.presentation import shared
from mirage.study import configuration
from mirage.study.cells import Attack, Target, parse
from mirage.study.study import Study
from mirage.study.treatment import Treatment

ROOT = Path(__file__).resolve().parents[3]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
PEOPLE = "the people and their photographs"
FIXED = (PEOPLE, "the image prior")
OWN = (PEOPLE, "the image priors that are no target's own")  # each target has its own of some


def _study(name):
    return Study(deepcopy(CONFIG["scales"][name]))


def _attack(dataset, architecture, seed):
    return Attack(Target(dataset, architecture, Treatment.smoothing(0), None, seed), "ppa")


def test_each_seed_of_the_demo_has_its_own_draws():
    study = _study("demo")
    seeds = sorted({attack.target.seed for attack in study.attacks})
    for draws in (
        {study.pool_file(_attack("orl", "resnet-mini", seed)) for seed in seeds},
        {study.measured("orl", seed) for seed in seeds},
        *(
            {study.network_weights("orl", role, seed) for seed in seeds}
            for role in study.roles("orl")
        ),
    ):
        assert len(draws) == len(seeds)
    assert shared(study) == OWN


def test_an_attack_without_a_pool_shares_none():
    study = _study("demo")
    low = next(group for group in study.scale["targets"] if group["architectures"] == ["vgg-mini"])
    for attack, told in (("gmi", FIXED), ("plg", (PEOPLE,))):
        study.scale["targets"] = [{**low, "attacks": [attack]}]
        assert shared(Study(study.scale)) == told


def test_the_papers_scale_shares_what_the_paper_shares_and_says_so():
    study = _study("paper")
    for draws in (
        {study.pool_file(_attack("facescrub", "resnet152", seed)) for seed in (42, 43)},
        {study.measured("facescrub", seed) for seed in (42, 43)},
        {study.network_weights("facescrub", "eval", seed) for seed in (42, 43)},
    ):
        assert len(draws) == 1
    assert shared(study) == (
        *OWN,
        "the split into training and test images",
        "the pool of candidates",
        "the networks that measure the attacks",
    )


def test_what_is_shared_is_told_part_by_part():
    study = _study("demo")
    study.scale["networks"]["orl"]["fid"]["target"]["seed"] = 1
    assert shared(study) == (*OWN, "some of the networks that measure the attacks")
    study.scale["pools"]["orl-1000"]["seed"] = 42
    study.scale["datasets"]["orl"]["recipe"]["split"]["seed"] = 42
    assert shared(study)[2:4] == (
        "the split into training and test images", "the pool of candidates",
    )  # fmt: skip


def test_names_of_draws_say_what_is_asked_of_the_study():
    study = _study("demo")
    assert study.measured_by("orl/s5") == ("orl", 5)
    assert study.pool_settings("orl-1000/s5")["seed"] == 5
    for ask, name in ((study.measured_by, "orl"), (study.pool_settings, "orl-1000")):
        with pytest.raises(MirageError, match="drawn anew for every seed"):
            ask(name)
    paper = _study("paper")
    pool = next(iter(paper.scale["pools"]))
    assert paper.pool_settings(pool)["seed"] == 42
    for ask, name in ((paper.measured_by, "facescrub/s1"), (paper.pool_settings, f"{pool}/s1")):
        with pytest.raises(MirageError, match="one for all seeds"):
            ask(name)


def test_networks_are_trained_as_networks_for_any_seed():
    study = _study("demo")
    wanted = study.scale["training"]["network"]
    for seed in (1, 3, 999):
        for architecture in ("convnet-mini", "densenet-mini"):
            cell = Target("orl", architecture, Treatment.smoothing(0), None, seed)
            assert study.training(cell) == wanted
    for attack in study.attacks:
        for role in study.roles("orl"):
            path = study.network_weights("orl", role, attack.target.seed)
            assert study.training(parse(path.removesuffix("/weights.safetensors"))) == wanted


def _refused(change, message):
    config = deepcopy(CONFIG)
    change(config["scales"]["demo"])
    with pytest.raises(MirageError, match=message):
        configuration.check(config)


def test_a_cell_is_not_trained_in_two_ways():
    def face_like_target(scale):
        scale["networks"]["orl"]["face"]["target"]["architecture"] = "resnet-mini"

    _refused(face_like_target, r"targets\[1\]: these cells are also networks\.orl\.face")


def test_a_released_classifier_has_seen_one_split():
    def released(scale):
        network = scale["networks"]["orl"]["eval"]
        del network["target"]
        scale["assets"] = ["evaluator-facescrub"]
        network |= {
            "asset": "evaluator-facescrub",
            "released": {"architecture": "inception-v3", "test_accuracy": 0.9},
        }

    _refused(released, "divided anew for every seed")


@pytest.mark.parametrize("seed", ["cells", -1, 1.5, None])
def test_other_words_for_a_seed_are_refused(seed):
    def change(scale):
        scale["pools"]["orl-1000"]["seed"] = seed

    _refused(change, "seed")
