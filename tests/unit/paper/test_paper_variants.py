"""Tables 4 to 7, 9 and 10: which cells they are made of, and which of the paper's rows match."""

from copy import deepcopy
from pathlib import Path

import pandas as pd
import pytest
import yaml
from mirage.errors import MirageError
from mirage.paper.contents import contents
from mirage.paper.numbers import COLUMNS
from mirage.paper.presentation import describe
from mirage.paper.reference import reference_rows
from mirage.paper.tables import make
from mirage.study import configuration
from mirage.study.cells import Attack
from mirage.study.stages import Stages
from mirage.study.study import Study

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())
ITEMS = ("table4", "table5", "table6", "table7", "table9", "table10")


@pytest.fixture(params=["demo", "paper"])
def study(request):
    return Study(CONFIG["scales"][request.param])


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
