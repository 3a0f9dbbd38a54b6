"""Items of the paper: each is a module that alone names it, and cells none shows are told."""

import csv
import re
import subprocess
import sys
from copy import deepcopy
from pathlib import Path

import pytest
import yaml
from mirage.errors import MirageError
from mirage.paper.contents import contents, extra, files_of, told_extra
from mirage.paper.item import Item
from mirage.paper.items import ITEMS
from mirage.study import configuration
from mirage.study.settings import with_first_seeds
from mirage.study.study import Study

ROOT = Path(__file__).resolve().parents[3]
CONFIG = yaml.safe_load((ROOT / "config.yaml").read_text())
CELL = "orl/resnet-mini/ls-0.05/n3/s1"


@pytest.fixture
def scale():
    """The demo's, to be changed."""
    return deepcopy(CONFIG["scales"]["demo"])


def check(scale):
    configuration.check({**CONFIG, "scales": {**CONFIG["scales"], "demo": scale}})


def test_both_scales_have_every_item_in_one_order():
    missing = {"demo": {"figure10"}, "paper": set()}  # the demo has one data set
    for name, scale in CONFIG["scales"].items():
        assert name == "night" or set(ITEMS) - set(contents(scale)) == missing[name]
    positions = [item.position for item in contents(scale).values()]
    assert positions == sorted(set(positions))


def test_an_item_without_settings_is_not_among_a_scales(scale):
    del scale["paper"]["table2"], scale["paper"]["figure3"]
    check(scale)
    assert set(ITEMS) - set(contents(scale)) == {"table2", "figure3", "figure10"}


def test_null_leaves_an_item_out(scale):
    """A file laid over the configuration cannot take an entry away."""
    scale["paper"] |= {"table5": None, "figure4": None}
    check(scale)
    assert set(ITEMS) - set(contents(scale)) == {"table5", "figure4", "figure10"}


def test_a_first_look_has_every_item(scale):
    whole = {**CONFIG, "most_seeds": 1}
    configuration.check(whole)
    cut = with_first_seeds(scale, 1)
    assert all(item.needs(Study(cut)).inputs for item in contents(cut).values())


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


def test_table2_at_paper_scale_has_the_papers_rows_and_no_other():
    """Those of few images stand in Table 4; the demo, of few and of all, shows both."""
    study = Study(CONFIG["scales"]["paper"])
    names = {"resnet152": "ResNet-152", "resnext50": "ResNeXt-50", "densenet121": "DenseNet-121"}
    ours = [
        (study.dataset(c.dataset)["title"], names[c.architecture], c.treatment.alpha, c.samples)
        for c in (attack.target for attack in contents(study.scale)["table2"].needs(study).attacks)
    ]
    with (ROOT / "workflow/presets/paper/table02.csv").open() as file:
        paper = [
            (row["dataset"], row["architecture"], float(row["alpha"]), None)
            for row in csv.DictReader(file)
        ]
    assert len(paper) == 22
    assert sorted(ours) == sorted(paper)
    demo = Study(CONFIG["scales"]["demo"])
    shown = contents(demo.scale)["table2"].needs(demo).attacks
    assert {cell.target.samples for cell in shown} == {3, None}


@pytest.mark.parametrize(
    ("item", "change", "message"),
    [
        ("table1", {"architecture": "resnet-mimi"}, "did you mean 'resnet-mini'"),
        ("table2", {"attacks": ["ppa", "ppa-cf"]}, "paper.table2.attacks[1]: 'ppa-cf'"),
        ("figure3", {"dataset": "orm"}, "paper.figure3.dataset: 'orm'"),
        ("figure3", {"treatments": ["ls0.10"]}, "paper.figure3: 'ls0.10' is no part"),
        ("figure3", {"classes": 25}, "gallery_classes keeps 24"),
        ("toy", {"alphas": [0, 0]}, "paper.toy: alphas"),
        ("table5", {"samples": 5}, "paper.table5: no grid of `targets` has a cell that Table 5"),
        ("figure4", {"samples": 6}, "paper.figure4: config: nothing says how to train"),
        ("figure3", {"attack": "ppa+select@ls0"}, "paper.figure3: "),
    ],
)
def test_what_does_not_fit_an_item_is_told_at_the_start(scale, item, change, message):
    scale["paper"][item].update(change)
    with pytest.raises(MirageError, match=re.escape(message)):
        check(scale)


def test_every_item_with_a_claim_says_what_shows_of_it():
    """The toy example's caption has the paper's numbers; the dots of all seeds claim nothing."""
    unread = Item.reading  # the default: nothing to say
    silent = {name for name, item in ITEMS.items() if item.reading is unread}
    assert silent == {"figure1", "figure8", "spread"}
