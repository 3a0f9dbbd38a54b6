"""An edit of the library repeats the work that uses it, unless a study of weeks says not to."""

import json

import pytest
from projects import TINY

CELL = "orl/resnet-mini/ls0/n3/s1"


@pytest.mark.parametrize("asked", [True, False])
def test_an_edit_of_the_logic(checkout, asked):
    target = f"targets/{CELL}/metrics.json"
    arguments = (target, "--config", f"rerun_on_code_change={asked}")
    checkout.snakemake(*arguments)
    record = json.loads((checkout.results / f"jobs/train_target/{CELL}.json").read_text())
    used = checkout.folder / "workflow/scripts/mirage/targets/smoothing.py"
    other = checkout.folder / "workflow/scripts/mirage/evaluation/fid.py"
    assert "Nothing to be done" in checkout.snakemake(*arguments, "-n").told

    used.write_text(used.read_text() + "\n# A comment changes nothing.\n")
    other.write_text(other.read_text() + "\nUNUSED_BY_TRAINING = 1\n")
    assert "Nothing to be done" in checkout.snakemake(*arguments, "-n").told

    used.write_text(used.read_text() + "\nCHANGED = 1\n")
    told = checkout.snakemake(*arguments, "-n").told
    assert ("train_target" in told.split("Job stats:")[-1]) == asked
    assert record["code"]


def test_another_item_and_its_settings_repeat_no_finished_one(checkout):
    checkout.snakemake("figures/figure1.png")
    items = checkout.folder / "workflow/scripts/mirage/paper/items"
    text = (items / "figure8.py").read_text()
    (items / "figure12.py").write_text(text.replace("position=5", "position=9"))
    settings, text = checkout.folder / "other.yaml", TINY.read_text()
    others = "table2: {attacks: [ppa, ppa-ce, ppa-id]}"
    assert text.count(others) == 1
    settings.write_text(text.replace(others, "table2: {attacks: [ppa]}"))
    asked = ("figures/figure1.png", "figures/figure12.png", "-n", "--configfile", str(settings))
    told = checkout.snakemake(*asked, tiny=False).told
    assert "output: figures/figure12.png" in told
    assert "output: figures/figure1.png" not in told
