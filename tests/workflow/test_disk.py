"""Removing caches through Snakemake: nothing has to be made again for it."""

import hashlib
import json
import os
import shutil

import pytest
from projects import Checkout

CELL = "orl/resnet-mini/ls0/n3/s1"
IMAGES = f"attacks/{CELL}/ppa/images.safetensors"
PART = f"attacks/{CELL}/ppa/.features.safetensors.77.part"


@pytest.fixture
def used(finished, tmp_path):
    """A copy of a finished study, with what interrupted and killed jobs may leave."""
    checkout = Checkout(tmp_path)
    shutil.copytree(finished.folder / "results", tmp_path / "results", symlinks=True)
    record = checkout.results / f"jobs/train_target/{CELL}.json"
    stale = json.loads(record.read_text())["params"]["state"]
    unfinished = "state/train_target/orl/resnet-mini/ls0.2/n3/s7.safetensors"
    old = min(path.stat().st_mtime for path in checkout.results.rglob("*.json")) - 7200
    for name in (IMAGES, PART, stale, unfinished):
        path = checkout.results / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x" * 1000)
        os.utime(path, (old, old))
    return checkout, stale, unfinished


def _bytes(results):
    return {
        path.relative_to(results).as_posix(): hashlib.blake2b(path.read_bytes()).hexdigest()
        for path in results.rglob("*")
        if path.is_file() and path.relative_to(results).parts[0] not in (".snakemake", "logs")
    }


def test_cleaning_removes_caches_and_leaves_nothing_to_do(used):
    checkout, stale, unfinished = used
    before = _bytes(checkout.results)
    told = checkout.snakemake("clean_caches").told
    after = _bytes(checkout.results)
    assert set(before) - set(after) == {IMAGES, PART, stale}
    assert unfinished in after
    assert {name: before[name] for name in after} == after
    for name in (IMAGES, PART, stale):
        assert f"removed {name}" in told
    assert "Nothing to be done" in checkout.snakemake("-n").told


def test_views_and_pools_are_stores_for_a_reason(used):
    """Without them a finished study has nothing to do, but a longer one repeats its training."""
    checkout, _, _ = used
    shutil.rmtree(checkout.results / "priors/pools")
    assert "Nothing to be done" in checkout.snakemake("-n").told
    added = f"attacks/{CELL}/ppa-ce/candidates.safetensors"
    plan = checkout.snakemake(added, "all", "-n").told
    assert "rule run_stage" in plan
    assert f"attacks/{CELL}/ppa/optimised/" in plan
