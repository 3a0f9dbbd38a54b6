"""Tables 4 to 10: which cells they are made of, and which of the paper's rows match."""

from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from mirage.errors import MirageError
from mirage.evaluation.measures.recovery.recipe import RecoveryRecipe
from mirage.paper.contents import contents
from mirage.paper.items.table8 import PRINTED
from mirage.paper.numbers import COLUMNS
from mirage.paper.presentation import describe
from mirage.paper.reference import reference_rows
from mirage.paper.tables import make
from mirage.study import configuration, measuring
from mirage.study.cells import Attack
from mirage.study.stages import Stages
from mirage.study.study import Study

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())
ITEMS = ("table4", "table5", "table6", "table7", "table9", "table10")


@pytest.fixture(params=["demo", "paper"])
def study(request):
    return Study(CONFIG["scales"][request.param])


def test_table_8_at_paper_scale_has_the_papers_49_rows():
    study = Study(CONFIG["scales"]["paper"])
    item = contents(study.scale)["table8"]
    cells = item.needs(study).attacks
    found = make(item, _numbers(cells), describe(study, "paper"))
    printed = reference_rows(*item.reference)
    assert len(found) == len(printed) == 49
    assert found["treatment"].tolist() == printed["treatment"].tolist()
    for theirs, ours in {**PRINTED, "test_acc": "test_acc", "delta_knn": "delta_knn"}.items():
        assert np.array_equal(found[f"{ours}_paper"], printed[theirs], equal_nan=True), theirs
    # C.5: 1,000 people, but 300 of PLG-MI and 100 of RLB-MI.
    people = {str(cell): len(Stages(study, cell).classes) for cell in cells}
    assert people == dict.fromkeys(people, 1000) | {"plg": 300, "rlb": 100}
    assert "figure11" in contents(study.scale)


def test_table_8_reads_each_attack_as_its_own_code_does():
    study = Study(CONFIG["scales"]["paper"])
    cells = {str(cell): cell for cell in contents(study.scale)["table8"].needs(study).attacks}
    read = {
        name: RecoveryRecipe.of(measuring.recipe(study, cell, "recovery"))
        for name, cell in cells.items()
    }
    lomma = RecoveryRecipe(
        compatible_fid="fid_halved", batch=100, classes=500, distance_classes=300, acc5="last",
        spread="std",
    )  # fmt: skip
    of_lomma = ("gmi", "ked", "lomma-gmi", "lomma-ked")
    assert {name: read[name] for name in of_lomma} == dict.fromkeys(of_lomma, lomma)
    assert read["plg"] == RecoveryRecipe("eval_aligned", batch=60, spread="variance")
    assert read["rlb"] == read["brep"] == RecoveryRecipe()
    settings = {name: study.attack(cell) for name, cell in cells.items()}
    assert len({settings[name]["prior"] for name in ("gmi", "lomma-gmi", "rlb", "brep")}) == 1
    assert settings["lomma-ked"]["ked"]["students"] == "efficientnet"
    assert "students" not in settings["ked"]["ked"]


def _numbers(cells):
    """Cells whose Acc@1 is their place, as ``collect`` gives them."""
    rows = []
    for place, cell in enumerate(cells):
        target = cell.target
        rows.append(
            {
                "cell": cell.path, "dataset": target.dataset, "architecture": target.architecture,
                "samples": "all" if target.samples is None else str(target.samples),
                "attack": str(cell), "treatment": str(target.treatment),
                "alpha": target.treatment.alpha, "seed": target.seed, "fidelity": "paper",
                "acc1": float(place), "note": "",
            }
        )  # fmt: skip
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype({"alpha": float})


@pytest.mark.parametrize("name", ITEMS)
def test_every_row_of_the_paper_has_one_of_ours_at_its_scale(name):
    study = Study(CONFIG["scales"]["paper"])
    item = contents(study.scale)[name]
    found = make(item, _numbers(item.needs(study).attacks), describe(study, "paper"))
    printed = reference_rows(*item.reference)
    matched = found["acc1_paper"].dropna()
    assert sorted(matched) == sorted(printed["acc1"])


@pytest.mark.parametrize("name", ITEMS)
def test_a_row_is_a_mean_over_seeds_of_one_setting(study, name):
    item = contents(study.scale)[name]
    numbers = _numbers(item.needs(study).attacks)
    found = make(item, numbers, describe(study, "x"))
    assert found["n_seeds"].sum() == len(numbers)
    assert found["n_seeds"].nunique() == 1 or name == "table4"
    labels = [item.label(row, describe(study, "x")) for _, row in found.iterrows()]
    blocks = found[["dataset", "architecture", "samples", "attack"]].agg("/".join, axis=1)
    assert len(set(zip(blocks, labels, strict=True))) == len(found)  # no two rows read alike


def test_the_run_that_tables_5_and_6_share_is_one_cell(study):
    five, six = (contents(study.scale)[name].needs(study).attacks for name in ("table5", "table6"))
    shared = set(five) & set(six)
    assert {str(cell) for cell in shared} == {contents_attack(study)}
    assert {str(cell.target.treatment) for cell in shared} == {"ls0"}


def contents_attack(study):
    (attack,) = study.scale["paper"]["table5"]["attacks"]
    return attack


def test_selection_anew_shares_what_was_optimised(study):
    for cell in contents(study.scale)["table7"].needs(study).attacks:
        stages = Stages(study, cell)
        optimised = stages.kind.stage("optimised")
        assert stages.holder(optimised) == Attack(cell.target, cell.name)


def test_variants_attack_the_same_people(study):
    cells = contents(study.scale)["table10"].needs(study).attacks
    assert len({tuple(Stages(study, cell).classes) for cell in cells}) == 1
    rows = {(str(cell.target.treatment), str(cell)) for cell in cells}
    assert len([1 for treatment, _ in rows if treatment == "ls0"]) == 1
    assert len(rows) == 10


@pytest.mark.parametrize(
    ("attack", "named"),
    [
        ("ppa+select@ls0", "names no cell"),  # the model itself
        ("ppa+optimise@ls0.1", "the model it optimises on"),
        ("ppa+pick@ls0.1", "no stage"),
        ("ppo+select@ls0.1", "'ppo' is not among attacks"),
        ("ppa+select@ls0.10", "'ls0.10' after select@ is no treatment"),
    ],
)
def test_swaps_that_cannot_be_are_refused_at_the_start(attack, named):
    config = deepcopy(CONFIG)
    config["scales"]["demo"]["targets"][0] |= {"treatments": ["ls0"], "attacks": [attack]}
    with pytest.raises(MirageError, match=named):
        configuration.check(config)


def test_fewer_are_kept_than_there_are_only_where_they_are_rated():
    config = deepcopy(CONFIG)
    config["scales"]["demo"]["attacks"]["ppa-all"]["selection"]["n_selected"] = 5
    with pytest.raises(MirageError, match="0 rates nothing, but 5 of 6 shall be kept"):
        configuration.check(config)
