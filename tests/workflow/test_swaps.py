"""Attacks whose stages another model runs, and attacks on some classes: what is made, and once."""

import re
import subprocess
from collections import Counter

import pandas as pd
import pytest
import yaml
from safetensors.numpy import load_file

CELL = "attacks/orl/resnet-mini/ls0/n3/s1"
SELECT, SAMPLE = f"{CELL}/ppa+select@ls-0.05", f"{CELL}/ppa+sample@ls0.1"
CLASSES = [0, 2, 3]


def _snakemake(checkout, *arguments, **attack):
    extra = checkout.folder / "extra.yaml"
    extra.write_text(yaml.safe_dump({"scales": {"tiny": {"attacks": {"ppa": attack}}}}))
    done = subprocess.run(
        [*checkout.command(*arguments), str(extra)],
        cwd=checkout.folder, env=checkout.environment(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    told = done.stdout + done.stderr
    assert done.returncode == 0, told[-6000:]
    return told


def _made(told):
    """Files of attacks that a plan makes, without what stands beside them."""
    return [
        path
        for outputs in re.findall(r"^\s+output: (.*)$", told, re.MULTILINE)
        for path in outputs.split(", ")
        if path.startswith("attacks/")
    ]


def test_swapped_attacks_repeat_nothing(checkout):
    wanted = [f"{cell}/metrics.json" for cell in (f"{CELL}/ppa", SELECT, SAMPLE)]
    made = Counter(_made(checkout.snakemake(*wanted, "-n").told))
    assert max(made.values()) == 1
    stages = {path.removeprefix("attacks/orl/resnet-mini/") for path in made}
    assert {path for path in stages if re.search(r"candidates|optimised/0-1", path)} == {
        "ls0/n3/s1/ppa/candidates.safetensors",
        "ls0.1/n3/s1/ppa/candidates.safetensors",
        "ls0/n3/s1/ppa/optimised/0-1.safetensors",
        "ls0/n3/s1/ppa+sample@ls0.1/optimised/0-1.safetensors",
    }


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("ppa+optimise@ls0.1/metrics.json", "the cell of an attack is the model it optimises on"),
        ("ppa+select@ls0.1/optimised.safetensors", f"{CELL}/ppa/optimised.safetensors"),
        ("ppa/optimised/0-3.safetensors", "0-3 is no chunk"),
    ],
)
def test_what_no_swap_can_be_is_one_message(checkout, name, told):
    done = checkout.snakemake("-n", f"{CELL}/{name}", check=False)
    assert done.returncode != 0
    assert told in done.told
    assert "Traceback" not in done.told


def test_some_classes_and_another_models_selection(checkout):
    plain, swapped = f"{CELL}/ppa", SELECT
    _snakemake(checkout, f"{plain}/metrics.json", f"{swapped}/metrics.json", classes=CLASSES)
    results = checkout.results
    assert sorted(path.name for path in (results / f"{plain}/optimised").glob("*.safetensors")) == [
        "0-2.safetensors",
        "3-3.safetensors",
    ]
    assert not (results / f"{swapped}/optimised").exists()
    held = {cell: load_file(results / f"{cell}/selected.safetensors") for cell in (plain, swapped)}
    for cell, selected in held.items():
        assert selected["classes"].tolist() == CLASSES
        table = pd.read_csv(results / f"{cell}/per_class.csv")
        assert sorted(table["class"].unique()) == CLASSES
        gallery = load_file(results / f"{cell}/gallery.safetensors")
        assert gallery["labels"].tolist() == [2, 3]  # the first two of its draw
        assert gallery["scores"].tolist() == selected["scores"][1:, 0].tolist()
    assert (held[plain]["scores"] != held[swapped]["scores"]).any()

    # Candidates of a class are those it has in an attack on everybody.
    some = load_file(results / f"{plain}/candidates.safetensors")
    _snakemake(checkout, f"{plain}/candidates.safetensors", classes="all")
    everybody = load_file(results / f"{plain}/candidates.safetensors")
    for name, rows in some.items():
        assert (everybody[name][CLASSES] == rows).all()
