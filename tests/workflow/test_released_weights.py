"""A tiny study whose evaluator and one target are files that others released."""

import csv
import json
import re

import pytest
import torch
import yaml
from mirage.data.views import View
from mirage.evaluation.evaluator import remap
from mirage.evaluation.stored import AttackFeatures, RealFeatures
from mirage.memory_format import laid_out
from mirage.targets.architectures import build
from mirage.targets.images import network_range
from mirage.targets.inference import accuracy
from mirage.targets.weights import load_classifier
from projects import ROOT, TINY, Checkout

CELL = "orl/resnet-mini/ls0/all/s9"
VIEW = "data/orl/views/square16.safetensors"


def _study(checkout):
    """The tiny study in colour, with two assets in place of trainings."""
    config = yaml.safe_load(TINY.read_text())
    scale = config["scales"]["tiny"]
    for entry in scale["datasets"].values():
        entry["recipe"]["channels"] = 3
        entry["recipe"]["split"]["seed"] = 42  # released classifiers saw one split
    recipe = scale["priors"]["orl-faces"]["source"]["recipe"]
    recipe["generator"]["image_channels"] = recipe["discriminator"]["image_channels"] = 3
    scale["assets"] = ["evaluator-orl", "target-orl"]
    for name in scale["assets"]:
        checkout.describe_asset(name, path=f"assets/{name}.pth", file={})
    scale["networks"]["orl"]["eval"] = {
        "spec": {"kind": "classifier"},
        "view": "square16",
        "asset": "evaluator-orl",
        "released": {"architecture": "convnet-mini"},
        "title": "released evaluator",
    }
    scale["released_targets"] = {CELL: "target-orl"}
    path = checkout.folder / "released.yaml"
    path.write_text(yaml.safe_dump(config))
    return ("--configfile", str(path))


def _released(architecture, seed, path, wrap):
    model = build(architecture, 4, 3, seed=seed).freeze()
    path.parent.mkdir(exist_ok=True)
    torch.save(wrap(model.state_dict()), path)
    return model


def _official(state):
    return {
        "epoch": 100,
        "model_state_dict": {f"model._orig_mod.{name}": value for name, value in state.items()},
    }


def _accuracies(model, view):
    images, labels = network_range(view.pixels[view.test]), view.labels[view.test]
    with torch.no_grad():
        return accuracy(model(images), labels), accuracy(model(remap(images)), labels)


@pytest.fixture(scope="module")
def released(tmp_path_factory):
    checkout = Checkout(tmp_path_factory.mktemp("released"))
    checkout.study = _study(checkout)
    checkout.snakemake(VIEW, *checkout.study, tiny=False)
    view = View(checkout.results / VIEW)
    evaluator = checkout.folder / "assets/evaluator-orl.pth"
    # Random weights that happen to do better on re-mapped images stand for a training on them.
    for seed in range(200):
        checkout.evaluator = _released("convnet-mini", seed, evaluator, _official)
        checkout.off, checkout.on = _accuracies(checkout.evaluator, view)
        if checkout.on > checkout.off:
            break
    assert checkout.on > checkout.off
    target = checkout.folder / "assets/target-orl.pth"
    checkout.target = _released("resnet-mini", 3, target, dict)
    wanted = (
        f"attacks/{CELL}/ppa/features.safetensors",
        "evaluation/orl/features.safetensors",
        "weights/checks.csv",
    )
    checkout.first = checkout.snakemake(*wanted, *checkout.study, tiny=False)
    checkout.wanted = wanted
    return checkout


def test_the_evaluator_s_input_range_is_found_and_used(released):
    found = json.loads((released.results / "evaluation/orl/evaluator.json").read_text())
    assert found["test_accuracy"] == {"off": released.off, "on": released.on}
    assert found["trained_with"] == "on"
    real = RealFeatures.load(released.results / "evaluation/orl/features.safetensors")
    assert {"eval.paper", "eval.corrected"} <= set(real.features)
    assert "face.paper" not in real.features
    view = View(released.results / VIEW)
    images = network_range(view.pixels[view.train])
    with torch.no_grad():
        for fidelity, seen in (("paper", images), ("corrected", remap(images))):
            expected = released.evaluator.features(seen)
            torch.testing.assert_close(torch.from_numpy(real.of("eval", fidelity)), expected)
    attack = AttackFeatures.load(released.results / f"attacks/{CELL}/ppa/features.safetensors")
    assert abs(attack.of("eval", "paper") - attack.of("eval", "corrected")).max() > 1e-3


def test_the_released_target_was_not_trained(released):
    folder = released.results / f"targets/{CELL}"
    assert not (released.results / f"jobs/train_target/{CELL}.json").exists()
    model = load_classifier(folder / "weights.safetensors", "cpu")
    view = View(released.results / VIEW)
    images, labels = network_range(view.pixels[view.test]), view.labels[view.test]
    with torch.no_grad():
        assert torch.equal(model(images), laid_out(released.target, "cpu")(images))
        expected = accuracy(released.target(images), labels)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert metrics["test_accuracy"] == expected
    assert metrics["train_images"] == len(view.train)
    assert metrics["released"]["file"] == "target-orl.pth"
    assert set(metrics) >= {"train_accuracy", "test_loss", "calibration_error"}
    assert list(csv.DictReader((folder / "history.csv").open())) == []


def test_the_table_names_what_was_checked(released):
    rows = list(csv.DictReader((released.results / "weights/checks.csv").open()))
    assert {row["name"]: row["status"] for row in rows} == dict.fromkeys(
        ("evaluator-orl", "target-orl"), "recorded, no published reference"
    )
    assert {row["bytes"] for row in rows} == {"no checksum published"}


def test_a_second_run_has_nothing_to_do_and_other_cells_are_trained(released):
    told = released.snakemake(*released.wanted, *released.study, "-n", tiny=False).told
    assert "Nothing to be done" in told
    other = f"targets/{CELL}".replace("s9", "s8")[: -len("/all/s8")] + "/n3/s8/metrics.json"
    told = released.snakemake(other, *released.study, "-n", tiny=False).told
    assert "train_target" in told
    assert "import_target" not in told


def test_a_repeated_import_is_compared_with_the_first(released):
    words = ("--forcerun", "import_weights", "--allowed-rules", "import_weights")
    target = "weights/target-orl.safetensors"
    released.snakemake(target, *words, *released.study, tiny=False)
    record = json.loads((released.results / "weights/target-orl.json").read_text())
    assert record["status"] == "as at the last import, no published reference"


def test_a_pickled_prior_is_imported(tmp_path):
    import subprocess
    import sys

    checkout = Checkout(tmp_path)
    config = yaml.safe_load(TINY.read_text())
    scale = config["scales"]["tiny"]
    scale["assets"] = ["pickle"]
    checkout.describe_asset("pickle", path="assets/small.pkl", file={})
    source = {"kind": "pickle", "asset": "pickle"}
    scale["priors"]["imitation"] = {"image_px": 16, "crop_px": 16, "source": source}
    study = checkout.folder / "pickle.yaml"
    study.write_text(yaml.safe_dump(config))
    (checkout.folder / "assets").mkdir()
    writer = ROOT / "tests/unit/priors/official_packagings.py"
    pickle = checkout.folder / "assets/small.pkl"
    subprocess.run([sys.executable, writer, pickle, "stylegan3", "4", "256"], check=True)
    checkout.snakemake("check_weights", "--configfile", str(study), tiny=False)
    record = json.loads((checkout.results / "priors/imitation/import.json").read_text())
    assert record["packaging"] == "stylegan3"
    rows = list(csv.DictReader((checkout.results / "weights/checks.csv").open()))
    assert [row["network"] for row in rows] == ["StyleGAN2 of 16 px"]
    assert not list(checkout.folder.rglob("canary"))


def test_the_documented_example_is_planned(checkout):
    config = yaml.safe_load((ROOT / "config.yaml").read_text())
    example = yaml.safe_load((ROOT / "docs/weights.md").read_text().split("```")[1][len("yaml") :])
    scale = config["scales"]["paper"]
    scale["released_targets"] = example["released_targets"]
    scale["networks"]["facescrub"] |= example["networks"]["facescrub"]
    (checkout.folder / "config.yaml").write_text(yaml.safe_dump(config))
    checkout.fake_assets()
    (cell,) = example["released_targets"]
    wanted = (f"targets/{cell}/metrics.json", "evaluation/facescrub/evaluator.json")
    told = checkout.snakemake("--profile", "slurm", *wanted, "-n", tiny=False).told
    table = told.split("Job stats:")[-1]
    for rule, jobs in (("import_target", 1), ("import_weights", 2), ("check_evaluator", 1)):
        assert re.search(rf"^{rule} +{jobs}$", table, re.MULTILINE), rule
    assert "train_target" not in table
    assert "assets/released/resnet152_facescrub_negative.pt" in told


def test_weights_of_another_network_stop_before_anything_long(tmp_path):
    checkout = Checkout(tmp_path)
    study = _study(checkout)
    _released("resnet-mini", 0, checkout.folder / "assets/evaluator-orl.pth", _official)
    done = checkout.snakemake("weights/evaluator-orl.safetensors", *study, tiny=False, check=False)
    assert done.returncode != 0
    assert "does not fit convnet-mini with 4 classes" in done.told
    assert "Traceback (most recent call last)" not in done.told
    assert not (checkout.results / "weights/evaluator-orl.safetensors").exists()
