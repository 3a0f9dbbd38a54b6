"""docs/extending.md: its diffs apply, their tests pass, and what they add runs."""

import json
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import yaml
from mirage.runtime import files
from projects import ROOT, TINY, Checkout

CELL = "orl/resnet-mini/ls0/n3/s1"
TARGET, CANDIDATES = f"targets/{CELL}/metrics.json", f"attacks/{CELL}/ppa/candidates.safetensors"
NEW = "targets/orl/resnet-mini/conf0.1/n3/s1"
PICKED = f"attacks/{CELL}/pick/metrics.json"
EIGEN, SPACE = f"{CELL}/eigen/metrics.json", f"targets/{CELL}/priors/faces"
ATTACKS = ("attacks/kinds/pick", "attacks/kinds/eigen", "priors/trainers/eigenfaces.py")
TESTS = (
    "tests/unit/targets/test_treatment_conf.py", "tests/unit/attacks/test_attack_pick.py",
    "tests/unit/priors/test_prior_eigenfaces.py", "tests/unit/paper/test_item_ranking.py",
    "tests/unit/study/test_study_schema.py::test_the_kept_schema_is_the_one_of_the_types",
    "tests/unit/study/test_study_schema.py::test_every_type_stands_in_a_configuration",
)  # fmt: skip


def diffs():
    """The diffs of the page, in its order."""
    return re.findall(r"```diff\n(.*?)```", (ROOT / "docs/extending.md").read_text(), re.DOTALL)


class Extended(Checkout):
    """A copy with its tests, which runs its own tiny study."""

    def __init__(self, folder):
        super().__init__(folder)
        shutil.copytree(ROOT / "tests", folder / "tests")
        shutil.copy(ROOT / "pyproject.toml", folder)
        self.fewer = folder / "fewer.yaml"

    def command(self, *arguments, tiny=True):
        tiny_here = self.folder / TINY.relative_to(ROOT)
        files = [str(tiny_here), *([str(self.fewer)] if self.fewer.exists() else [])]
        return [sys.executable, "-P", "-m", "snakemake", *arguments, "--configfile", *files]

    def run(self, *command):
        done = subprocess.run(
            command, cwd=self.folder, env={**self.environment(), "PYTHONPATH": "workflow/scripts"},
            capture_output=True, text=True, check=False, input=self.patch,
        )  # fmt: skip
        assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]

    patch = ""


def study(folder, treatments):
    """The tiny study's first grid with these treatments and the new attack alone."""
    tiny = yaml.safe_load((folder / TINY.relative_to(ROOT)).read_text())["scales"]["tiny"]
    grid = {**tiny["targets"][0], "treatments": treatments, "attacks": ["pick"]}
    left_out = dict.fromkeys(tiny["paper"].keys() - {"ranking", "toy"})  # they have no cells
    return yaml.safe_dump({"scales": {"tiny": {"targets": [grid], "paper": left_out}}})


@pytest.fixture(scope="module")
def extended(tmp_path_factory):
    """A copy in which some jobs were done before the diffs were applied."""
    checkout = Extended(tmp_path_factory.mktemp("extended"))
    checkout.snakemake(TARGET, CANDIDATES)
    for checkout.patch in diffs():
        checkout.run("git", "apply", "-")
    checkout.patch = ""
    kept = "workflow/schemas/config.schema.yaml"
    checkout.run(sys.executable, "-m", "mirage.study.schema", kept)
    return checkout


def test_the_page_has_a_treatment_two_attacks_a_prior_and_a_table(extended):
    assert len(diffs()) == 4
    library = extended.folder / "workflow/scripts/mirage"
    for added in ("targets/treatments/conf.py", *ATTACKS, "paper/items/ranking.py"):
        assert (library / added).exists()
        assert not (ROOT / "workflow/scripts/mirage" / added).exists()


def test_their_own_tests_pass(extended):
    extended.run(sys.executable, "-m", "pytest", "--confcutdir=tests", *TESTS)


def test_nothing_that_was_done_is_repeated(extended):
    told = extended.snakemake(TARGET, CANDIDATES, "-n").told
    assert "Nothing to be done" in told


def test_the_forecast_knows_the_new_jobs(extended):
    extended.snakemake("forecast", "--config", "calibration_s=0")
    told = json.loads((extended.results / "forecast.json").read_text())
    assert any(row["target"] == "tables/ranking.csv" for row in told["targets"])


def test_target_attack_and_table_are_made(extended):
    extended.fewer.write_text(study(extended.folder, ["ls0", "conf0.1"]))
    extended.snakemake("tables/ranking.csv", f"{NEW}/metrics.json", PICKED)
    history = pd.read_csv(extended.results / NEW / "history.csv")
    assert (history["confidence"] < 0).all()
    picked = json.loads((extended.results / PICKED).read_text())
    assert 0 <= picked["paper"]["acc1"] <= 1
    ranking = pd.read_csv(extended.results / "tables/ranking.csv")
    assert sorted(ranking["treatment"]) == ["conf0.1", "ls0"]
    assert set(ranking["attack"]) == {"pick"}
    assert list(ranking["acc1"]) == sorted(ranking["acc1"])


def test_the_prior_lies_below_its_target(extended):
    extended.snakemake(f"attacks/{EIGEN}")
    header = files.read_metadata(extended.results / SPACE / "generator.safetensors")
    assert header["network"] == "eigenfaces.generator"
    found = json.loads((extended.results / f"attacks/{EIGEN}").read_text())
    assert 0 <= found["paper"]["acc1"] <= 1
