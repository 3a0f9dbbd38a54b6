"""Another precision is other work: that stage runs again, and nothing before it."""

import json
import re
import shutil
import subprocess

import yaml
from projects import Checkout

CELL = "orl/resnet-mini/ls0/n3/s1"


def _with(checkout, settings, *arguments):
    extra = checkout.folder / "extra.yaml"
    extra.write_text(yaml.safe_dump({"scales": {"tiny": settings}}))
    done = subprocess.run(
        [*checkout.command(checkout.asked, *arguments), str(extra)],
        cwd=checkout.folder, env=checkout.environment(), capture_output=True, text=True,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout + done.stderr


def _planned(checkout, settings):
    status, told = _with(checkout, settings, "-n")
    assert status == 0, told
    outputs = re.findall(rf"^\s+output: \S*{CELL}/ppa/([a-z]+)\S*,", told, re.MULTILINE)
    pools = re.findall(r"^\s+output: priors/(pools)/", told, re.MULTILINE)
    return set(outputs + pools)


def test_a_changed_precision_repeats_its_stage(finished, tmp_path):
    checkout = Checkout(tmp_path)
    shutil.copytree(finished.results, checkout.results, symlinks=True, dirs_exist_ok=True)
    checkout.asked = f"attacks/{CELL}/ppa/selected.safetensors"
    after = {
        "sampling": {"candidates", "optimised", "selected"},
        "optimisation": {"optimised", "selected"},
        "selection": {"selected"},
    }
    assert _planned(checkout, {}) == set()
    for stage, results in after.items():
        changed = {"attacks": {"ppa": {stage: {"precision": "bf16"}}}}
        assert _planned(checkout, changed) == results
    pool = {"pools": {"few": {"precision": "bf16"}}}
    assert _planned(checkout, pool) == {"pools", *after["sampling"]}
    assert _planned(checkout, {"evaluation": {"precision": "bf16"}}) == set()

    changed = {"attacks": {"ppa": {"selection": {"precision": "bf16"}}}}
    before = (checkout.results / checkout.asked).read_bytes()
    status, told = _with(checkout, changed)
    assert status == 0, told
    record = next((checkout.results / f"jobs/run_stage/{CELL}/ppa/selected").glob("*.json"))
    assert json.loads(record.read_text())["params"]["recipe"]["precision"] == "bf16"
    assert (checkout.results / checkout.asked).read_bytes() != before

    status, told = _with(checkout, {"evaluation": {"precision": "fp16"}}, "-n")
    assert status != 0
    assert "evaluation.precision is 'fp16'. Expected: one of fp32, tf32, bf16." in told
