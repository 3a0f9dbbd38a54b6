"""Table 3 and the rows of MID and BiDO in Table 1."""

import math
import re
from copy import deepcopy
from pathlib import Path

import pandas as pd
import pytest
import yaml
from mirage.errors import MirageError
from mirage.paper.defenses import label, model_of, published_treatment, reading
from mirage.paper.items import ITEMS
from mirage.paper.numbers import collect, select
from mirage.paper.presentation import Presentation
from mirage.paper.printed import print_table
from mirage.paper.reference import reference_rows
from mirage.paper.tables import make
from mirage.runtime import files
from mirage.study.cells import Target
from mirage.study.configuration import check
from mirage.study.study import Study
from mirage.study.treatment import Treatment
from test_paper_tables import made_cells, table

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())
SHOWN = Presentation("paper", True)
PUBLISHED = ["mid0.001", "mid0.005", "mid0.01", "bido0.05_0.5", "bido0.05_1", "bido0.05_2.5"]


def cells(values, **others):
    """Rows of {(treatment, seed): (test accuracy, Acc@1)}."""
    parts = []
    for (treatment, seed), (accuracy, acc1) in values.items():
        alpha = Treatment.parse(treatment).alpha
        made = made_cells({(0.0, seed): acc1}, treatment=treatment, **others)
        parts.append(made.assign(alpha=math.nan if alpha is None else alpha, test_acc=accuracy))
    return pd.concat(parts, ignore_index=True)


def test_settings_of_the_papers_rows_are_named_as_ours():
    rows = reference_rows("table03")
    for _, block in rows.groupby("dataset"):
        assert block["treatment"].tolist() == ["ls0", "ls-0.05", *PUBLISHED]
    first = reference_rows("table01").set_index(["dataset", "model"])["treatment"]
    assert first["FaceScrub", "BiDO"] == "bido0.05_2.5"
    assert first["CelebA", "BiDO"] == "bido0.05_0.5"
    assert first["CelebA", "MID"] == "mid0.005"
    assert published_treatment("LS", "alpha=0.1") is None


def test_table_1_of_the_paper_is_its_table_3_rounded():
    exact = reference_rows("table03").set_index(["dataset", "treatment"])
    printed = reference_rows("table01").query("model in ['MID', 'BiDO']")
    assert len(printed) == 4
    for _, row in printed.iterrows():
        full = exact.loc[(row["dataset"], row["treatment"])]
        for metric, digits in ITEMS["table1"].digits.items():
            assert abs(row[metric] - full[metric]) <= 0.5001 * 10**-digits


@pytest.mark.parametrize("scale", ["demo", "paper"])
def test_all_rows_of_the_paper_are_in_the_study(scale):
    study = Study(CONFIG["scales"][scale])
    found = {}
    for cell in ITEMS["table3"].needs(study).attacks:
        found.setdefault(cell.target.dataset, {}).setdefault(str(cell.target.treatment), 0)
    for treatments in found.values():
        assert list(treatments) == ["ls0", "ls-0.05", *PUBLISHED]
    assert set(found) == ({"orl"} if scale == "demo" else {"facescrub", "celeba"})


def test_table_1_has_each_data_sets_own_strengths():
    needs = ITEMS["table1"].needs(Study(CONFIG["scales"]["paper"]))
    told = [(cell.target.dataset, str(cell.target.treatment)) for cell in needs.attacks]
    assert told.count(("facescrub", "bido0.05_2.5")) == told.count(("celeba", "bido0.05_0.5")) == 1
    assert ("celeba", "bido0.05_2.5") not in told
    assert len(told) == len(set(told)) == 10


def test_table_2_is_of_label_smoothing():
    for scale in CONFIG["scales"].values():
        treatments = {cell.target.treatment for cell in ITEMS["table2"].needs(Study(scale)).attacks}
        assert all(treatment.alpha is not None for treatment in treatments)


def test_rows_keep_their_order_and_the_papers_numbers_stand_beside():
    names = ["ls0", "ls-0.05", *PUBLISHED]
    numbers = cells({(name, seed): (90.0, 50.0) for name in names for seed in (1, 2)})
    rows = table("table3", numbers)
    assert rows["treatment"].tolist() == names
    expected = reference_rows("table03").query("dataset == 'FaceScrub'")["acc1"].tolist()
    assert rows["acc1_paper"].tolist() == expected
    assert [label(row) for _, row in rows.iterrows()] == [
        "No defense", "LS, α = −0.05", "MID, β = 0.001", "MID, β = 0.005", "MID, β = 0.01",
        "BiDO, λ = (0.05, 0.5)", "BiDO, λ = (0.05, 1)", "BiDO, λ = (0.05, 2.5)",
    ]  # fmt: skip


def test_table_1_holds_defenses_against_standard():
    numbers = cells(
        {("ls0", 1): (95, 90.0), ("ls0", 2): (95, 80.0), ("ls-0.05", 1): (90, 20.0),
         ("mid0.005", 1): (92, 88.0), ("mid0.005", 2): (92, 76.0),
         ("bido0.05_2.5", 2): (88, 40.0)}
    )  # fmt: skip
    rows = table("table1", numbers).set_index("model")
    assert rows.index.tolist() == ["Standard", "Neg. LS", "MID", "BiDO"]
    assert rows["acc1_change"].tolist()[1:] == [-70.0, -3.0, -40.0]
    assert rows.loc["MID", "acc1_paper"] == 92.0
    assert rows.loc["BiDO", "acc1_paper"] == 45.4
    (printed,) = print_table(ITEMS["table1"], numbers, rows.reset_index(), SHOWN)
    assert [row.label for row in printed.blocks[0].rows] == [
        "Standard", "Neg. LS", "MID, β = 0.005", "BiDO, λ = (0.05, 2.5)",
    ]  # fmt: skip


def test_the_reading_compares_with_negative_smoothing_by_seeds():
    values = {("ls-0.05", seed): (90.0, 20.0 + seed) for seed in (1, 2, 3)}
    values |= {("mid0.005", seed): (92.0, 60.0 + 2 * seed) for seed in (1, 2, 3)}
    values |= {("bido0.05_0.5", 1): (80.0, 10.0)}
    claim, told = reading(cells(values), SHOWN)
    assert "MID lowers Acc@1 by no more than 10 points" in claim
    # Differences 41, 42, 43: their deviation is 1, and t of 2 degrees 4.303.
    assert "MID β = 0.005 has +2.0 ± 0.0 points of test accuracy and +42.0 ± 2.5 points of" in told
    assert "BiDO λ = (0.05, 0.5) has −10.0 points of test accuracy and −11.0 points of" in told


def test_the_papers_own_numbers_bear_out_its_claims():
    for _, block in reference_rows("table03").groupby("dataset"):
        rows = block.set_index("treatment")
        smoothed = rows.loc["ls-0.05"]
        others = rows.loc[PUBLISHED]
        better = (others["test_acc"] >= smoothed["test_acc"]) & (others["acc1"] <= smoothed["acc1"])
        assert not better.any()
        falls = rows.loc["ls0", "acc1"] - others.loc[PUBLISHED[:3], "acc1"]
        assert falls.max() <= 10


def test_the_reading_stands_under_the_table_of_one_fidelity():
    values = {(name, seed): (90.0, 50.0) for name in ("ls-0.05", "mid0.01") for seed in (1, 2, 3)}
    numbers = pd.concat([cells(values), cells(values, fidelity="corrected")])
    item = ITEMS["table3"]
    told = [f"{sentence}." for sentence in reading(select(numbers, fidelity="paper"), SHOWN)]
    whole = print_table(item, numbers, make(item, numbers, SHOWN), SHOWN, told)[0]
    assert whole.notes == told
    assert len(told) == 2
    assert "has 0.0 ± 0.0 points of test accuracy" in told[1]


def test_a_training_that_diverged_is_told_in_its_row(tmp_path):
    cell = Target.parse("orl/resnet-mini/bido0.05_2.5/n3/s1")
    record = {"test_accuracy": 0.1, "diverged": {"epoch": 3, "reason": "the loss is no number"}}
    files.write_json(tmp_path / cell.path / "metrics.json", record)
    assert set(collect([cell], tmp_path)["note"]) == {
        "the training diverged: the loss is no number"
    }


@pytest.mark.parametrize(
    ("item", "change", "message"),
    [
        ("table3", {"treatments": ["ls0", "mid0"]}, "beta is 0.0"),
        ("table3", {"treatments": ["ls0", "ls0"]}, "different"),
        ("table1", {"defenses": {"orl": ["ls0.1"]}}, "one of mid0.005, bido0.05_0.5"),
        ("table1", {"defenses": {"orm": ["mid0.1"]}}, "'orm'"),
    ],
)
def test_what_does_not_fit_is_told_at_the_start(item, change, message):
    config = deepcopy(CONFIG)
    config["scales"]["demo"]["paper"][item].update(change)
    with pytest.raises(MirageError, match=re.escape(message)):
        check(config)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"treatments": ["mid0"]}, "targets[3]: mid0: beta is 0.0"),
        ({"treatments": ["mid-1"]}, "beta is -1.0. Expected: a weight above 0"),
        ({"treatments": ["bido0.05"]}, "'bido0.05' is no part of a treatment"),
    ],
)
def test_impossible_strengths_are_told_at_the_start(change, message):
    config = deepcopy(CONFIG)
    config["scales"]["demo"]["targets"][3].update(change)
    with pytest.raises(MirageError, match=re.escape(message)):
        check(config)


def test_an_architecture_without_stages_is_told_at_the_start():
    config = deepcopy(CONFIG)
    paper = config["scales"]["paper"]
    grid = next(g for g in paper["targets"] if "bido0.05_0.5" in g["treatments"])
    grid["architectures"] = ["inception-v3"]
    with pytest.raises(MirageError, match=r"bido0\.05_0\.5 looks at hidden .* inception-v3"):
        check(config)
    target = Target.parse("facescrub/inception-v3/bido0.05_1/all/s42")
    with pytest.raises(MirageError, match="one of resnet152, resnet50"):
        Study(CONFIG["scales"]["paper"]).treatment(target)


def test_a_model_is_named_by_its_part_alone():
    assert model_of("mid0.1") == "MID"
    assert model_of("ls0.1+mid0.1") == model_of("ls0") == ""
