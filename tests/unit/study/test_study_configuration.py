"""Every setting of both scales is what the code that uses it takes."""

import re
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from mirage.attacks.kinds import KINDS
from mirage.attacks.recipe import PoolRecipe
from mirage.data.dataset import DatasetRecipe
from mirage.data.published import Published
from mirage.data.views import ViewRecipe
from mirage.errors import MirageError
from mirage.evaluation.measures import MEASURES
from mirage.evaluation.recipe import KnowledgeRecipe, NetworkSpec
from mirage.foreign.file_kinds import ForeignRecipe
from mirage.paper.recipe import ToyRecipe
from mirage.priors.trainers import TRAINERS
from mirage.study import configuration
from mirage.study.foreign_weights import foreign_weights
from mirage.study.in_use import assets_in_use
from mirage.study.study import Study
from mirage.targets import architectures
from mirage.targets.recipe import TrainingRecipe
from mirage.targets.students_recipe import StudentsRecipe
from mirage.targets.treatments import make

ROOT = Path(__file__).parents[3]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())


@pytest.fixture(params=list(CONFIG["scales"]))
def study(request):
    return Study(CONFIG["scales"][request.param])


def test_architectures_are_registered(study):
    assert set(study.scale["architectures"]) <= set(architectures.BUILDERS.keys())


def test_recipes_of_data_and_priors(study):
    for entry in study.scale["datasets"].values():
        DatasetRecipe.of({**entry["recipe"], "classes": entry["classes"]})
        Published.of(entry.get("published", {}))
        for view in entry["views"].values():
            ViewRecipe.of(view)
    for entry in study.scale["priors"].values():
        if "recipe" in entry["source"]:
            kind = TRAINERS[entry.get("kind", "stylegan2")]
            kind.recipe.of(entry["source"]["recipe"])
            assert kind.needs_target == (entry["source"]["kind"] == "per_target")
    for entry in study.scale.get("students", {}).values():
        StudentsRecipe.of(entry["recipe"])
    for attack in study.attacks:
        if "pool" not in study.attack(attack):
            continue
        settings = study.pool_settings(study.drawn_pool(attack))
        assert PoolRecipe.of({k: v for k, v in settings.items() if k != "prior"}).size


def test_recipes_of_targets_and_attacks(study):
    for target in study.targets:
        assert TrainingRecipe.of(study.training(target)).epochs > 1
        part, *others = make(study.treatment(target))
        stops = [other for other in others if other.name == "stop"]
        assert part.name in str(target.treatment)
        assert bool(stops) == bool(target.siblings)
        if part.name == "ls" and not others:
            assert (part.alpha, part.ramp) == (target.treatment.alpha, "published")
        if part.name == "bido":
            assert part.batches == "shuffled"
    for attack in study.attacks:
        settings = study.attack(attack)
        for stage in KINDS[settings["kind"]].stages:
            assert stage.recipe.of(settings[stage.settings])


def test_recipes_of_outside_networks(study):
    for asset, recipe in foreign_weights(study).items():
        assert ForeignRecipe.of(recipe).kind, asset
    # What the table of known weights says is said of assets and priors that exist.
    known = yaml.safe_load((ROOT / "workflow/presets/weights.yaml").read_text())
    paper = CONFIG["scales"]["paper"]
    assert set(foreign_weights(Study(paper))) <= set(known)
    published = {k for k, v in paper["priors"].items() if v["source"]["kind"] == "pickle"}
    assert published <= set(known)


@pytest.mark.parametrize(
    ("limit", "wrong"), [("longest_minutes", 5), ("most_mb", 500), ("most_mb", "120 GB")]
)
def test_a_limit_leaves_room_to_start_a_job(limit, wrong):
    assert CONFIG[limit] is None
    configuration.check({**CONFIG, limit: 2000})
    with pytest.raises(MirageError, match=limit):
        configuration.check({**CONFIG, limit: wrong})


def test_a_released_evaluator_needs_its_architecture():
    config = deepcopy(CONFIG)
    scale = config["scales"]["paper"]
    network = scale["networks"]["facescrub"]["eval"]
    del network["target"]
    network["asset"] = "evaluator-facescrub"
    with pytest.raises(MirageError, match="`released`"):
        configuration.check(config)
    network["released"] = {"architecture": "inception-v3", "test_accuracy": 0.962}
    scale["assets"].remove("evaluator-facescrub")
    with pytest.raises(MirageError, match="'evaluator-facescrub' is not among assets"):
        configuration.check(config)
    scale["assets"].append("evaluator-facescrub")
    configuration.check(config)
    study = Study(scale)
    assert (
        study.network_weights("facescrub", "eval", 42) == "weights/evaluator-facescrub.safetensors"
    )
    assert study.released_evaluator("celeba") is None
    recipe = ForeignRecipe.of(foreign_weights(study)["evaluator-facescrub"])
    assert (recipe.architecture, recipe.classes, recipe.image_px) == ("inception-v3", 530, 299)
    scale["networks"]["facescrub"]["face"] = {
        **scale["networks"]["facescrub"]["face"], "asset": "evaluator-facescrub",
    }  # fmt: skip
    with pytest.raises(MirageError, match="one network per file"):
        foreign_weights(Study(scale))


def _of_the_documentation(scale):
    """Follow the example of docs/weights.md."""
    example = yaml.safe_load((ROOT / "docs/weights.md").read_text().split("```")[1][len("yaml") :])
    scale["released_targets"] = example["released_targets"]
    for dataset, networks in example["networks"].items():
        scale["networks"][dataset] |= networks


def _of_the_comments(scale):
    """Take away the comment signs of config.yaml's two examples."""
    text = (ROOT / "config.yaml").read_text()
    targets = re.search(r"^    # (released_targets:\n    #   .*)", text, re.MULTILINE)[1]
    scale |= yaml.safe_load(targets.replace("    #", ""))
    network = re.search(r"^      #   eval:\n(?:      #  .*\n)+", text, re.MULTILINE)[0]
    scale["networks"]["facescrub"] |= yaml.safe_load(network.replace("      # ", ""))


@pytest.mark.parametrize("follow", [_of_the_documentation, _of_the_comments])
def test_the_examples_of_released_weights_work(follow):
    config = deepcopy(CONFIG)
    scale = config["scales"]["paper"]
    follow(scale)
    configuration.check(config)
    study = Study(scale)
    assert [target.cell for target in study.released_targets] == [
        "facescrub/resnet152/ls-0.05/all/s42"
    ]
    assert set(study.released_targets) <= set(study.targets)
    used = {"evaluator-facescrub", "target-facescrub-negative"}
    assert used <= set(assets_in_use(study))
    assert not used & set(assets_in_use(Study(CONFIG["scales"]["paper"])))
    manifest = yaml.safe_load((ROOT / "workflow/presets/assets.yaml").read_text())
    for asset in foreign_weights(study):
        assert "file" in manifest[asset], f"{asset} is no file of weights"
        ForeignRecipe.of(foreign_weights(study)[asset])


@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("facescrub/resnet152/ls0/n30/s42", "trained on all images"),
        ("facescrub/resnet152/ls0/all", "names no cell"),
        ("facescrub/resnet999/ls0/all/s42", "resnet999"),
    ],
)
def test_impossible_released_targets_are_named(cell, message):
    scale = {**CONFIG["scales"]["paper"], "released_targets": {cell: "target"}}
    with pytest.raises(MirageError, match=message):
        foreign_weights(Study(scale))


def test_recipes_of_the_evaluation(study):
    for dataset in study.scale["networks"]:
        for role in study.roles(dataset):
            NetworkSpec.of(study.network_spec(dataset, role))
        if dataset != "celeba64":  # whose attacks have no student that learns from them
            KnowledgeRecipe.of(study.measure("knowledge", dataset))
    ToyRecipe.of(study.scale["paper"]["toy"])


def test_measures_of_attacks_are_named_in_their_settings(study):
    for attack in study.attacks:
        if attack.name == "ppa-start":  # starting points are no results
            assert study.measures(attack) == []
            continue
        if study.attack(attack)["kind"] != "ppa":
            assert study.measures(attack) == ["recovery"]
            continue
        assert study.measures(attack) == ["knowledge"]
        settings = study.measure("knowledge", attack.target.dataset)
        assert study.measure_px(attack) == settings["image_px"]
    with pytest.raises(MirageError, match="measures has no 'knowlege'"):
        study.measure("knowlege", "orl")


def _with(study, **changes):
    """The study with other settings of its first attack."""
    name = study.attacks[0].name
    attacks = {**study.scale["attacks"], name: {**study.scale["attacks"][name], **changes}}
    return Study({**study.scale, "attacks": attacks})


def test_an_attack_without_measures_needs_no_images(study):
    bare = _with(study, measures=[])
    assert bare.measures(bare.attacks[0]) == []
    assert bare.measure_px(bare.attacks[0]) is None


def test_measures_that_need_images_of_two_sizes_are_refused(study, monkeypatch):
    both = {"knowledge": MEASURES["knowledge"], "second": MEASURES["knowledge"]}
    monkeypatch.setattr("mirage.study.study.MEASURES", both)
    mixed = _with(study, measures=["knowledge", "second"])
    monkeypatch.setattr(
        Study, "measure", lambda self, name, dataset: {"image_px": 8 if name == "second" else 9}
    )
    with pytest.raises(MirageError, match=r"knowledge, second need images of 8, 9 px"):
        mixed.measure_px(mixed.attacks[0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda s: s["attacks"]["ppa"].update(measures=["knowlege"]), "did you mean 'knowledge'"),
        (lambda s: s["measures"]["knowledge"].update(architecture="resnet-mimi"), "resnet-mini"),
        (lambda s: s["measures"]["knowledge"].update(momentum=-1), "momentum"),
        (lambda s: s["networks"]["orl"].pop("eval"), "eval"),
    ],
)
def test_wrong_measures_and_networks_are_told_at_the_start(change, message):
    config = deepcopy(CONFIG)
    change(config["scales"]["demo"])
    with pytest.raises(MirageError, match=message):
        configuration.check(config)
