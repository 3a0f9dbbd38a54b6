"""The gate refuses each kind of difference, and lets what is like the paper's pass."""

from copy import deepcopy
from dataclasses import fields, replace
from pathlib import Path

import pytest
import yaml
from mirage.data.index import Entry, write_index
from mirage.paper import evidence
from mirage.paper.items import ITEMS
from mirage.paper.ledger import ITEM, Read
from mirage.paper.like_for_like import Gate, Terms, differences, papers_terms
from mirage.paper.presentation import describe
from mirage.study.study import Study

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())
PAPERS = Terms("3788", "530", "face", "paper", "ranks", "all", "50", "released")


@pytest.mark.parametrize("name", [field.name for field in fields(Terms)])
def test_each_difference_is_refused_and_named(name):
    (reason,) = differences(replace(PAPERS, **{name: "another"}), PAPERS)
    assert reason.endswith(f"another, the paper's {getattr(PAPERS, name)}")
    assert differences(replace(PAPERS, **{name: ""}), PAPERS)  # unknown is no agreement
    assert differences(PAPERS, replace(PAPERS, **{name: ""})) == []  # the paper leaves it open


def test_like_passes():
    assert differences(PAPERS, PAPERS) == []


def test_a_spread_over_seeds_is_not_one_over_ranks():
    row = {"dataset": "FaceScrub", "samples": "all", "people": "530"}
    gate = Gate(
        Study(CONFIG["scales"]["paper"]), describe(Study(CONFIG["scales"]["paper"]), "p"), {}
    )
    cell = "attacks/facescrub/resnet152/ls0/all/s42/ppa"
    papers = papers_terms(row, "acc1_std")
    seeds, ranks = (gate.terms(cell, name) for name in ("acc1_seed_sd", "acc1_std"))
    assert any("what ± is over: seeds" in one for one in differences(seeds, papers))
    assert not any("what ± is over" in one for one in differences(ranks, papers))


@pytest.fixture
def scale():
    """The paper's, with the evaluators that its authors released."""
    scale = deepcopy(CONFIG["scales"]["paper"])
    for dataset, asset in (("facescrub", "evaluator-facescrub"), ("celeba", "evaluator-celeba")):
        network = scale["networks"][dataset]["eval"]
        network.pop("target")
        network |= {"asset": asset, "released": {"architecture": "inception-v3"}}
    return scale


def reasons(scale, tmp_path, metric="acc1", tested=3788, name="paper", item="Table 2", **row):
    """What the gate says of a number of the standard model on FaceScrub."""
    entries = [Entry(i, f"{i}", "x", 0, "test", i, 9, 9, "0") for i in range(tested)]
    folder = tmp_path / "data/facescrub"
    folder.mkdir(parents=True, exist_ok=True)
    write_index(folder / "index.csv", entries)
    study = Study(scale)
    gate = Gate(
        study,
        describe(study, name),
        evidence.references([ITEMS["table2"], ITEMS["table9"]]),
        tmp_path,
    )
    names = {
        ITEM: item, "cell": "attacks/facescrub/resnet152/ls0/all/s42/ppa", "dataset": "FaceScrub",
        "architecture": "ResNet-152", "samples": "all", "treatment": "ls0", **row,
    }  # fmt: skip
    return gate.reasons(Read(metric, names))


@pytest.mark.parametrize(
    "metric", ["test_acc", "acc1", "delta_face", "delta_eval", "fid", "xi_train"]
)
def test_the_papers_own_set_up_compares(scale, tmp_path, metric):
    assert reasons(scale, tmp_path, metric) == []


def test_the_configured_evaluator_is_trained_here(tmp_path):
    (reason,) = reasons(CONFIG["scales"]["paper"], tmp_path)
    assert reason == "measured by: a network trained here, the paper's evaluator-facescrub"
    assert reasons(CONFIG["scales"]["paper"], tmp_path, "delta_face") == []


def test_another_split_counts_for_accuracies_of_targets(scale, tmp_path):
    assert reasons(scale, tmp_path, "test_acc", 3700) == ["test images: 3700, the paper's 3788"]


def test_fewer_people_and_results(scale, tmp_path):
    scale["attacks"]["ppa"] |= {"classes": 50}
    scale["attacks"]["ppa"]["selection"] = {
        **scale["attacks"]["ppa"]["selection"],
        "n_selected": 25,
    }
    assert reasons(scale, tmp_path) == [
        "people attacked: 50, the paper's 530", "results per person: 25, the paper's 50",
    ]  # fmt: skip


def test_another_crop(scale, tmp_path):
    scale["datasets"]["facescrub"]["views"]["short224"] = {"resize": "square", "image_px": 224}
    assert reasons(scale, tmp_path, "delta_face")[0].startswith("crop: whole photograph, square")


def test_the_other_arithmetic(scale, tmp_path):
    scale["fidelity"] = "corrected"
    assert reasons(scale, tmp_path) == ["arithmetic: corrected, the paper's paper"]


def test_other_numbers_of_training_images(scale, tmp_path):
    cell = "attacks/facescrub/resnet152/ls0/n3/s42/ppa"
    told = reasons(scale, tmp_path, cell=cell, samples="3")
    assert told == ["training images per person: 3, the paper's all"]
    like = {"cell": cell.replace("n3", "n30"), "samples": "30"}
    assert reasons(scale, tmp_path, **like) == []  # Table 4 has such rows


def test_another_student(scale, tmp_path):
    scale["measures"]["knowledge"] |= {"architecture": "densenet121"}
    told = reasons(scale, tmp_path, "xi_train")
    assert told == ["measured by: densenet121, the paper's resnet50"]


def test_a_row_of_fifty_people_is_held_against_such_a_row(scale, tmp_path):
    few = {
        "item": "Table 9", "treatment": "ls0+stop@ls-0.05",
        "cell": "attacks/facescrub/resnet152/ls0+stop@ls-0.05/all/s42/ppa-few",
    }  # fmt: skip
    assert reasons(scale, tmp_path, **few) == []
    whole = {**few, "cell": few["cell"].replace("ppa-few", "ppa")}
    assert reasons(scale, tmp_path, **whole) == ["people attacked: 530, the paper's 50"]


def test_what_the_paper_has_no_row_of(scale, tmp_path):
    assert reasons(scale, tmp_path, treatment="ls0.7") == ["the paper prints no such row"]
    assert reasons(scale, tmp_path, item="Table 99") == ["the paper prints no such row"]
