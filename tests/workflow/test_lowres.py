"""Attacks with a GAN for all targets, and with one of a target's own and its students."""

import json

import pytest
from mirage.attacks.results import Reconstructed, load_outcome
from mirage.runtime import files
from projects import TINY

OVERLAID = ("--configfile", str(TINY), str(TINY.parent / "lowres.yaml"))
CELL = "orl/resnet-mini/mid0.01/n3/s1"


@pytest.fixture(scope="module")
def attacked(tmp_path_factory):
    """Results of both attacks on a target that draws noise."""
    from projects import Checkout

    checkout = Checkout(tmp_path_factory.mktemp("lowres"))
    wanted = [f"attacks/{CELL}/{name}/metrics.json" for name in ("gmi", "lomma")]
    checkout.first = checkout.snakemake(*wanted, *OVERLAID, tiny=False)
    return checkout


@pytest.mark.parametrize(("name", "count"), [("gmi", 3), ("lomma", 2)])
def test_an_attack_is_evaluated_as_any_other(attacked, name, count):
    folder = attacked.results / f"attacks/{CELL}/{name}"
    outcome = load_outcome(folder / "recovered.safetensors")
    assert isinstance(outcome, Reconstructed)
    assert outcome.classes.tolist() == [0, 1, 2, 3]
    assert outcome.latents.shape == (4, count, 6)
    features = files.load_tensors(folder / "features.safetensors")
    assert features["logits.eval.paper"].shape == (4, count, 4)
    assert files.load_tensors(folder / "gallery.safetensors")["images"].shape == (2, 1, 16, 16)
    metrics = json.loads((folder / "metrics.json").read_text())
    assert 0 <= metrics["paper"]["acc1"] <= 1
    assert ("xi_train" in str(metrics)) == (name == "lomma")


def test_what_a_target_has_to_itself_says_what_it_was_made_with(attacked):
    own = attacked.results / f"targets/{CELL}"
    header = files.read_metadata(own / "priors/own-gan/generator.safetensors")
    assert header["network"] == "ked.generator"
    assert (header["seed"], header["dataset"]) == (1, "orl-public")
    students = files.read_metadata(own / "students/two.safetensors")
    names = [architecture["name"] for architecture in students["architectures"]]
    assert names == ["convnet-mini", "resnet-mini"]
    told = attacked.snakemake(f"attacks/{CELL}/lomma/metrics.json", *OVERLAID, tiny=False).told
    assert "Nothing to be done" in told
