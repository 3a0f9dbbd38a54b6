"""Items of the paper: each is a module that alone names it, and cells none shows are told."""

import re
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
import yaml
from mirage.errors import MirageError
from mirage.paper.contents import contents, extra, files_of, told_extra
from mirage.paper.items import ITEMS
from mirage.study import configuration
from mirage.study.study import Study

ROOT = Path(__file__).resolve().parents[3]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
CELL = "orl/resnet-mini/ls-0.05/n3/s1"
LOW = {"table8", "figure11"}  # of the low-resolution attacks, where a scale has them


@pytest.fixture
def scale():
    """The demo's, to be changed."""
    return deepcopy(CONFIG["scales"]["demo"])


def check(scale):
    configuration.check({**CONFIG, "scales": {**CONFIG["scales"], "demo": scale}})


def test_both_scales_have_every_item_in_one_order():
    for name, scale in CONFIG["scales"].items():
        assert name == "night" or set(contents(scale)) | LOW == set(ITEMS)
    positions = [item.position for item in contents(scale).values()]
    assert positions == sorted(set(positions))


def test_an_item_without_settings_is_not_among_a_scales(scale):
    del scale["paper"]["table2"], scale["paper"]["figure3"]
    check(scale)
    assert set(ITEMS) - set(contents(scale)) - LOW == {"table2", "figure3"}


def test_nothing_but_its_module_names_an_item():
    library = ROOT / "workflow/scripts/mirage"
    others = [
        path
        for pattern in ("rules/**/*.smk", "scripts/**/*.py", "report/*.rst", "cluster/*.py",
                        "scripts/**/*.html", "presets/forecast/*.yaml")
        for path in (ROOT / "workflow").glob(pattern)
        if not path.is_relative_to(library / "paper/items")
    ]  # fmt: skip
    assert len(others) > 200
    names = "|".join(ITEMS)
    pattern = re.compile(rf"""["'/](?:{names})(?:\.\w+)?["']|\b(?:tables|figures)/(?:{names})\b""")
    found = {str(path): pattern.findall(path.read_text()) for path in [*others, ROOT / "Snakefile"]}
    assert {path: names for path, names in found.items() if names} == {}


def test_planning_an_item_needs_no_torch_and_no_pandas():
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'workflow/scripts')!r})\n"
        "sys.modules.update(dict.fromkeys(('torch', 'pandas', 'matplotlib')))\n"
        "import yaml\n"
        "from mirage.paper.contents import contents\n"
        "from mirage.study.study import Study\n"
        f"config = yaml.safe_load(open({str(ROOT / 'config.yaml')!r}))\n"
        "for scale in config['scales'].values():\n"
        "    assert all(item.needs(Study(scale)).inputs for item in contents(scale).values())\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_items_of_attacks_wait_for_metrics_of_attack_and_target(scale):
    inputs = contents(scale)["table1"].needs(Study(scale)).inputs
    for path in (f"attacks/{CELL}/ppa/metrics.json", f"targets/{CELL}/metrics.json"):
        assert inputs.count(path) == 1
    assert not any("ppa-ce" in path or "densenet" in path or "/all/" in path for path in inputs)
    assert files_of("table1", ITEMS["table1"])[0] == "tables/table1.csv"


def test_figure3_reads_galleries_and_photographs(scale):
    images, *galleries = contents(scale)["figure3"].needs(Study(scale)).inputs
    assert images == "data/orl/views/square32.safetensors"
    assert galleries[2] == f"attacks/{CELL}/ppa/gallery.safetensors"


def test_every_cell_of_both_scales_is_some_items():
    for scale in CONFIG["scales"].values():
        assert extra(Study(scale)) == []
    assert told_extra([]) == ""


def test_cells_that_no_item_shows_are_extra(scale):
    scale["attacks"]["ppa-wide"] = {"title": "PPA, wide", "like": "ppa"}
    scale["targets"][2]["attacks"] = ["ppa", "ppa-wide"]
    scale["targets"].append({**scale["targets"][2], "samples": [5], "attacks": []})
    check(scale)
    found = extra(Study(scale))
    paths = [cell.path for cell in found]
    assert "attacks/orl/resnext-mini/ls0/n3/s1/ppa-wide" in paths
    assert "targets/orl/densenet-mini/ls0/n5/s2" in paths
    assert len(paths) == 2 * 3 * 2 * 2
    told = told_extra(found)
    assert told.startswith("Extra, in the report but in no table or figure of the paper: attacks/")
    assert told.endswith("and 14 more.")


def test_an_overview_claims_no_cell(scale):
    scale["paper"]["table2"]["attacks"] = ["ppa"]
    study = Study(scale)
    shown = contents(scale)["spread"].needs(study).attacks
    assert {str(attack) for attack in shown} == {"ppa", "ppa-ce"}
    assert {str(cell) for cell in extra(study)} == {"ppa-ce"}


@pytest.mark.parametrize(
    ("item", "change", "message"),
    [
        ("table1", {"architecture": "resnet-mimi"}, "did you mean 'resnet-mini'"),
        ("table2", {"attacks": ["ppa", "ppa-cf"]}, "paper.table2.attacks[1]: 'ppa-cf'"),
        ("figure3", {"dataset": "orm"}, "paper.figure3.dataset: 'orm'"),
        ("figure3", {"treatments": ["ls0.10"]}, "paper.figure3: 'ls0.10' is no part"),
        ("figure3", {"classes": 25}, "gallery_classes keeps 24"),
        ("toy", {"alphas": [0, 0]}, "paper.toy: alphas"),
    ],
)
def test_what_does_not_fit_an_item_is_told_at_the_start(scale, item, change, message):
    scale["paper"][item].update(change)
    with pytest.raises(MirageError, match=re.escape(message)):
        check(scale)


def test_figure3_shows_the_people_who_were_attacked(monkeypatch, scale):
    """Whoever stands in the galleries, not the classes 0 and 1."""
    labels = torch.arange(6).repeat(2)
    view = SimpleNamespace(
        labels=labels, train=torch.arange(12), pixels=labels[:, None, None, None].byte()
    )
    gallery = {"images": torch.tensor([30, 50, 40]).byte()[:, None, None, None],
               "labels": torch.tensor([3, 5, 4])}  # fmt: skip
    monkeypatch.setattr("mirage.data.views.View", lambda *_: view)
    monkeypatch.setattr("mirage.runtime.files.load_tensors", lambda *_: gallery)
    monkeypatch.setattr("mirage.paper.items.figure3.grid", lambda columns: columns)
    scale["paper"]["figure3"]["classes"] = 2
    shown = ITEMS["figure3"].draw(Study(scale), None)
    assert {name: column.flatten().tolist() for name, column in shown.items()} == {
        "training image": [3, 5], "α = 0": [30, 50], "α = 0.1": [30, 50], "α = -0.05": [30, 50],
    }  # fmt: skip
