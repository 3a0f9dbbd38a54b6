"""Table 8 and Figure 11, of made-up attacks."""

import math
from copy import deepcopy
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import yaml
from mirage.errors import MirageError
from mirage.evaluation.measure import shown as told_of
from mirage.evaluation.scores import joined
from mirage.paper.items import ITEMS
from mirage.paper.items.figure11 import grid
from mirage.paper.items.table8 import METRICS, PRINTED
from mirage.paper.metrics import METRICS as ALL
from mirage.paper.numbers import collect
from mirage.paper.presentation import Presentation, describe
from mirage.paper.printed import print_table
from mirage.paper.reference import reference_rows
from mirage.paper.render import html_fragment
from mirage.paper.tables import make
from mirage.runtime import files
from mirage.study.configuration import check
from mirage.study.study import Study
from test_item_table3 import cells

CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())
TREATMENTS = [
    "ls0", "ls0.1", "ls-0.05", "mid0.003", "mid0.01", "bido0.05_0.5", "bido0.05_1",
]  # fmt: skip
ATTACKS = {
    "gmi": "GMI", "ked": "KED", "lomma-gmi": "LOMMA (GMI)", "lomma-ked": "LOMMA (KED)",
    "plg": "PLG-MI", "rlb": "RLB-MI", "brep": "BREP-MI",
}  # fmt: skip


def study(attacks=ATTACKS, **figure):
    """The demo with these attacks, all made of PPA, and nothing else."""
    config = deepcopy(CONFIG)
    demo = config["scales"]["demo"]
    demo["attacks"] |= {
        name: {"title": paper, "paper": paper, "like": "ppa", "measures": ["recovery"]}
        for name, paper in attacks.items()
    }
    demo["measures"]["recovery"] = {"batch": 8}
    demo["targets"].append(
        {"dataset": "orl", "architectures": ["vgg-mini"], "treatments": TREATMENTS,
         "samples": ["all"], "seeds": [1], "training": "full", "attacks": list(attacks)}
    )  # fmt: skip
    demo["architectures"]["vgg-mini"] = {"paper": "VGG-16", "view": "square32"}
    shown = {"dataset": "orl", "architecture": "vgg-mini"}
    demo["paper"]["table8"] = {**shown, "attacks": list(attacks), "treatments": TREATMENTS}
    demo["paper"]["figure11"] = {
        **shown, "samples": "all", "attack": "plg", "seed": 1, "classes": 3, "images": 5,
        "treatments": ["ls0", "ls-0.05", "mid0.01", "bido0.05_1"], **figure,
    }  # fmt: skip
    return config


@pytest.fixture(scope="module")
def low():
    return Study(study()["scales"]["demo"])


def made(low):
    """One row per cell and reading, each with numbers of its own."""
    parts = []
    for place, cell in enumerate(ITEMS["table8"].needs(low).attacks):
        for fidelity, shift in (("paper", 0.0), ("corrected", 0.5)):
            part = cells(
                {(str(cell.target.treatment), 1): (85.0, 50.0)}, dataset="orl",
                architecture="vgg-mini", samples="all", attack=str(cell), fidelity=fidelity,
            )  # fmt: skip
            parts.append(part.assign(recovered_acc1=place + shift, cell=cell.path))
    return pd.concat(parts, ignore_index=True)


def test_all_49_rows_stand_beside_the_papers(low):
    rows = make(ITEMS["table8"], made(low), describe(low, "demo"))
    assert len(rows) == 49
    assert rows["attack"].drop_duplicates().tolist() == list(ATTACKS)
    assert rows["treatment"].tolist() == TREATMENTS * 7
    assert rows["recovered_acc1"].tolist() == list(range(49))
    reference = reference_rows("table08")
    for ours, theirs in {**PRINTED, "test_acc": "test_acc", "delta_knn": "delta_knn"}.items():
        found = rows[f"{theirs}_paper"].tolist()
        assert np.array_equal(found, reference[ours].tolist(), equal_nan=True), theirs
    assert rows["recovered_fid_images_paper"].isna().all()
    assert set(rows["paper_setting"]) == {"CelebA-64, VGG-16, all images"}


def test_the_table_in_print_has_what_is_ours_in_a_block_of_its_own(low):
    numbers, shown = made(low), describe(low, "demo")
    rows = make(ITEMS["table8"], numbers, shown)
    whole, ours = print_table(ITEMS["table8"], numbers, rows, shown)
    assert [column.key for column in whole.columns] == list(METRICS)
    assert len(whole.blocks) == 7
    assert [row.label for row in whole.blocks[4].rows] == [
        "No defense", "LS, α = 0.1", "LS, α = −0.05", "MID, β = 0.003", "MID, β = 0.01",
        "BiDO, λ = (0.05, 0.5)", "BiDO, λ = (0.05, 1)",
    ]  # fmt: skip
    first = dict(zip(METRICS, whole.blocks[4].rows[2].cells, strict=True))
    assert first["recovered_acc1"].paper == "72.00"
    assert first["recovered_acc1_std"].paper == "2.50"
    assert first["recovered_fid"].paper == "78.98"
    assert [column.key for column in ours.columns] == [
        "queries",
        "found",
        "variety",
        "real_variety",
    ]
    page = html_fragment([whole, ours], shown)
    assert "n of FID" in page
    assert "Queries" in page


def test_both_readings_reach_the_table(tmp_path):
    """From a measure's file through the attack's metrics, missing numbers staying empty."""
    (cell,) = [
        c
        for c in ITEMS["table8"]
        .needs(Study(study({"rlb": "RLB-MI"}, attack="rlb")["scales"]["demo"]))
        .attacks
        if str(c.target.treatment) == "ls0"
    ]
    measured = {
        "paper": {"recovered_acc1": 0.5, "recovered_acc1_std": None, "delta_knn": 7.0},
        "corrected": {"recovered_acc1": 0.25, "recovered_acc1_std": 0.125, "delta_knn": 9.0},
        "queries": 120_000.0, "variety": None,
    }  # fmt: skip
    assert told_of(measured).keys() >= {"recovered_acc1", "delta_knn", "queries"}
    assert told_of(measured)["recovered_acc1"] == 0.5
    assert "variety" not in told_of(measured)
    merged = joined([measured, {"xi_train": 0.5}])
    assert merged["paper"] == measured["paper"]
    record = {
        reading: {"xi_train": merged["xi_train"], "queries": merged["queries"], **merged[reading]}
        for reading in ("paper", "corrected")
    }
    files.write_json(tmp_path / cell.path / "metrics.json", record)
    files.write_json(tmp_path / cell.target.path / "metrics.json", {"test_accuracy": 0.9})
    table = collect([cell], tmp_path).set_index("fidelity")
    assert table["recovered_acc1"].to_dict() == {"paper": 50.0, "corrected": 25.0}
    assert table["recovered_acc1_std"]["corrected"] == 12.5
    assert math.isnan(table["recovered_acc1_std"]["paper"])
    assert table["queries"].tolist() == [120_000.0] * 2
    assert {"queries", "recovered_fid_images"} <= set(ALL)


def test_figure_11_shows_the_first_samples_in_their_order(low, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    item = ITEMS["figure11"]
    for place, attack in enumerate(item.needs(low).attacks):
        samples = torch.full((4, 6, 1, 8, 8), 10 * place, dtype=torch.uint8)
        images = {"samples": samples, "labels": torch.tensor([2, 0, 1, 3])}
        files.save_tensors(tmp_path / attack.path / "gallery.safetensors", images)
        metrics = {"variety": 4.0 - place, "real_variety": 6.5}
        files.write_json(
            tmp_path / attack.path / "metrics.json", {"paper": metrics, "corrected": metrics}
        )

    class View:
        """Four photographs, of people 3 to 0."""

        labels = torch.tensor([3, 2, 1, 0])
        train = torch.tensor([0, 1, 2, 3])
        pixels = torch.full((4, 1, 8, 8), 200, dtype=torch.uint8)

        def __init__(self, *_):
            pass

    monkeypatch.setattr("mirage.data.views.View", View)
    figure = item.draw(low, Presentation("demo", False))
    assert [text.get_text() for text in figure.texts] == [
        "photograph", "No defense\nvariety 4.00", "LS, α = −0.05\nvariety 3.00",
        "MID, β = 0.01\nvariety 2.00", "BiDO, λ = (0.05, 1)\nvariety 1.00",
    ]  # fmt: skip
    assert len(figure.axes) == 3 * (1 + 4 * 5)
    shades = [axes.images[0].get_array()[0, 0, 0] for axes in figure.axes]
    assert shades == [200] * 3 + [0] * 15 + [10] * 15 + [20] * 15 + [30] * 15
    boxes = [axes.get_position() for axes in figure.axes]
    assert min(box.x0 for box in boxes) >= 0
    assert max(box.x1 for box in boxes) <= 1
    claim, told = item.reading(low, Presentation("demo", False))
    assert "little variance" in claim
    assert "LS, α = −0.05 3.00; MID, β = 0.01 2.00" in told
    assert told.endswith("photographs 6.50.")


def test_cells_of_a_grid_do_not_overlap():
    images = np.zeros((2, 3, 3, 16, 16), dtype=np.uint8)
    boxes = [axes.get_position() for axes in grid({"a": images[:, :1], "b": images}).axes]
    for place, one in enumerate(boxes):
        for other in boxes[place + 1 :]:
            apart = (
                one.x1 <= other.x0 or other.x1 <= one.x0 or one.y1 <= other.y0 or other.y1 <= one.y0
            )
            assert apart


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda demo: demo["paper"]["figure11"].update(classes=25), "25 classes, but evaluation"),
        (lambda demo: demo["paper"]["table8"].update(treatments=["mid0"]), "beta is 0.0"),
        (lambda demo: demo["attacks"]["plg"].update(measured={"recovery": {"evaluator": "eva"}}),
         "attacks.plg.measured.recovery.evaluator: networks.orl has no 'eva'"),
        (lambda demo: demo["attacks"]["plg"].update(measured={"recovery": {"batch": 0}}), "batch"),
        (lambda demo: demo["attacks"]["plg"].update(measured={"recovery": {"bach": 1}}), "bach"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told_at_the_start(change, message):
    config = study()
    change(config["scales"]["demo"])
    with pytest.raises(MirageError) as refused:
        check(config)
    assert message in str(refused.value)


def test_an_attacks_own_settings_change_the_measures():
    from mirage.study import measuring

    config = study()
    config["scales"]["demo"]["attacks"]["plg"]["measured"] = {"recovery": {"acc5": "last"}}
    check(config)
    low = Study(config["scales"]["demo"])
    by_name = {str(cell): cell for cell in ITEMS["table8"].needs(low).attacks}
    assert measuring.recipe(low, by_name["plg"], "recovery") == {"batch": 8, "acc5": "last"}
    assert measuring.recipe(low, by_name["gmi"], "recovery") == {"batch": 8}
