"""Table 12: the paper's rows, the clean model beside each, collapsed trainings."""

from pathlib import Path

import pytest
import yaml
from mirage.paper import presentation, render
from mirage.paper.items import ITEMS
from mirage.paper.items.table12 import clean_sibling, measured
from mirage.paper.printed import print_table
from mirage.paper.reference import reference_rows
from mirage.paper.tables import make
from mirage.runtime import files
from mirage.study.configuration import check
from mirage.study.study import Study

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())
TABLE = ITEMS["table12"]
TREATMENTS = [
    f"{own}{tail}" for own in ("ls0.1", "ls0", "ls-0.05") for tail in ("", "+badnets", "+blended")
]


def test_the_papers_rates_are_counts_of_imagenettes_validation_set():
    printed = TABLE.printed(reference_rows("table12"))
    assert printed["treatment"].tolist() == TREATMENTS
    for metric, images in (("test_acc", 3925), ("backdoor_success", 3925 - 387)):
        for value in printed[metric].dropna():
            assert abs(round(value * images / 100) / images * 100 - value) <= 0.00501
    assert printed["backdoor_success"].isna().sum() == 3


@pytest.mark.parametrize("scale", ["demo", "paper"])
def test_all_rows_of_table_12_are_in_the_study(scale):
    study = Study(CONFIG["scales"][scale])
    targets = TABLE.needs(study).targets
    assert list(dict.fromkeys(str(target.treatment) for target in targets)) == TREATMENTS
    assert len(targets) == 9 * 3
    assert {target.dataset for target in targets} == {"digits" if scale == "demo" else "imagenette"}
    training = study.training(targets[0])
    assert training.get("pretrained", True) is (scale == "demo")
    assert study.initial_weights(targets[0]) is None


@pytest.fixture
def made(tmp_path, monkeypatch):
    """A finished study whose seed 2 collapsed with α = -0.05 and BadNets."""
    study = Study(CONFIG["scales"]["demo"])
    for place, target in enumerate(TABLE.needs(study).targets):
        treatment, seed = str(target.treatment), target.seed
        accuracy = 0.96 if "+" in treatment else 0.98 + 0.001 * seed
        if treatment == "ls-0.05+badnets" and seed == 2:
            accuracy = 0.15
        share = 0.01 * seed if "+" not in treatment else 0.9 + 0.001 * place
        if treatment == "ls-0.05+blended":
            share = 0.5 + 0.01 * seed
        numbers = {"label": 0, "images": 324, "success": share, "untouched": 0.0}
        files.write_json(tmp_path / target.path / "metrics.json", {"test_accuracy": accuracy})
        other = {**numbers, "success": share / 2}
        own, rest = ("badnets", "blended") if "badnets" in treatment else ("blended", "badnets")
        files.write_json(tmp_path / measured(target), {own: numbers, rest: other})
    monkeypatch.chdir(tmp_path)
    return study


def test_the_clean_model_of_the_same_seed_stands_beside_each_success(made):
    numbers = TABLE.collected(made)
    paper = numbers[numbers["fidelity"] == "paper"].set_index(["treatment", "seed"])
    for seed in (1, 2, 3):
        assert paper.loc[("ls0+blended", seed), "backdoor_clean"] == pytest.approx(seed)
        assert paper.loc[("ls0+badnets", seed), "backdoor_clean"] == pytest.approx(seed / 2)
        assert paper.loc[("ls0", seed), ["backdoor_success", "backdoor_clean"]].isna().all()
    target = next(t for t in made.targets if str(t.treatment) == "ls-0.05+badnets")
    assert str(clean_sibling(target).treatment) == "ls-0.05"
    assert clean_sibling(target).seed == target.seed


def test_rows_of_table_12_stand_beside_the_papers(made):
    shown = presentation.describe(made, "demo")
    rows = make(TABLE, TABLE.collected(made), shown)
    assert rows["treatment"].tolist() == TREATMENTS
    assert rows["trigger"].tolist() == ["Clean", "BadNets", "Blended"] * 3
    assert rows["n_seeds"].tolist() == [3] * 9
    collapsed = rows.set_index("treatment").loc["ls-0.05+badnets"]
    assert (collapsed["test_acc_paper"], collapsed["backdoor_success_paper"]) == (14.62, 100.0)
    noted = rows[rows["note"] != ""]
    assert noted["treatment"].tolist() == ["ls-0.05+badnets"]
    assert "not interpretable (1 of 3 seeds)" in noted["note"].item()


def test_collapsed_runs_of_table_12_are_marked_and_in_no_difference(made):
    shown = presentation.describe(made, "demo")
    told = TABLE.reading(made, shown)
    assert "1 of 27 runs here" in told[1]
    text = "\n".join(told)
    assert "lowers the attack success against hard labels: Attack success −3" in text
    assert "α = −0.05: a model poisoned by BadNets is less accurate" in text
    assert "(too few seeds to say; n = 2)" in text  # seed 2 is left out
    numbers = TABLE.collected(made)
    parts = print_table(TABLE, numbers, make(TABLE, numbers, shown), shown, told)
    page, latex = render.html_fragment(parts, shown), render.latex(parts, shown)
    assert "α = −0.05, BadNets †" in page
    assert "not interpretable" in page
    assert "image prior" not in page  # nobody attacks these
    assert "Handwritten digits, digitnet, all training images" in page
    assert "ImageNette, ResNet-152" in page
    assert "BadNets" in latex


@pytest.mark.parametrize(
    ("measures", "told"),
    [
        ({"backdoor": {"triggers": ["badnets"]}}, "triggers lack blended"),
        ({"backdoor": None}, "measures has no settings of backdoor"),
        ({"backdoor": {"triggers": ["stop"]}}, "one of badnets, blended"),
    ],
)
def test_table_12_without_its_measure_is_refused(measures, told):
    from copy import deepcopy

    from mirage.errors import MirageError

    config = deepcopy(CONFIG)
    changed = config["scales"]["demo"]["measures"]
    changed |= measures
    if changed["backdoor"] is None:
        del changed["backdoor"]
    with pytest.raises(MirageError, match=told):
        check(config)
