"""Outputs that finished while no controller looked are taken over, if they are of this study."""

import json
import shutil
import subprocess
from base64 import urlsafe_b64encode

import pytest
from projects import Checkout

CELL = "orl/resnet-mini/ls0/n3/s1"
TARGET = f"attacks/{CELL}/ppa/candidates.safetensors"


@pytest.fixture
def orphaned(finished, tmp_path):
    """All is there, but nothing in Snakemake's books tells of the last job; it looks unfinished."""
    checkout = Checkout(tmp_path)
    shutil.copytree(finished.results, checkout.results, symlinks=True, dirs_exist_ok=True)
    checkout.outputs = [TARGET, f"jobs/run_stage/{CELL}/ppa/candidates.json"]
    checkout.books = checkout.results / ".snakemake"
    for output in checkout.outputs:
        name = _name(output)
        (checkout.books / "metadata" / name).unlink()
        (checkout.books / "incomplete").mkdir(exist_ok=True)
        (checkout.books / "incomplete" / name).write_text('{"external_jobid": "17"}')
    return checkout


def _name(output):
    return urlsafe_b64encode(output.encode()).decode()


def test_finished_outputs_are_not_made_again(orphaned):
    told = orphaned.snakemake(TARGET, "-n").told
    assert "1 jobs finished while no controller looked" in told
    assert "Nothing to be done" in told
    assert not list((orphaned.books / "incomplete").iterdir())
    assert "finished while" not in orphaned.snakemake(TARGET, "-n").told


def test_outputs_of_other_settings_are_made_again(orphaned):
    config = orphaned.folder / "other.yaml"
    config.write_text("scales: {tiny: {attacks: {ppa: {sampling: {candidates_per_class: 5}}}}}")
    done = subprocess.run(
        [*orphaned.command(TARGET, "-n"), str(config)],
        cwd=orphaned.folder,
        env=orphaned.environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "run_stage" in done.stdout
    assert "Params have changed" in done.stdout


@pytest.mark.parametrize("damage", ["lost", "cut"])
def test_outputs_that_are_not_whole_are_made_again(orphaned, damage):
    output = orphaned.results / TARGET
    if damage == "cut":
        output.write_bytes(output.read_bytes()[:-1])
    else:
        output.unlink()
    told = orphaned.snakemake(TARGET, "-n").told
    assert "finished while" not in told
    assert "run_stage" in told.split("Job stats:")[-1]


def test_nothing_is_touched_under_a_lock(orphaned):
    locks = orphaned.books / "locks"
    locks.mkdir(exist_ok=True)
    (locks / "0.output.lock").write_text(f"{TARGET}\n")
    done = orphaned.snakemake("--config", "classes_per_chunk=1", check=False)
    assert "cannot be locked" in done.told
    assert len(list((orphaned.books / "incomplete").iterdir())) == len(orphaned.outputs)
    orphaned.snakemake("--unlock")
    assert "Nothing to be done" in orphaned.snakemake(TARGET, "-n").told


def test_no_command_removes_the_lock_of_another(orphaned):
    """Snakemake lets a command through that touches none of the files locked, and unlocks all."""
    lock = orphaned.books / "locks/0.output.lock"
    lock.parent.mkdir(exist_ok=True)
    lock.write_text("tables/of_another.csv\n")
    refused = orphaned.snakemake("check_assets", check=False)
    assert "Directory cannot be locked" in refused.told
    assert "--nolock" in refused.told
    orphaned.snakemake("check_assets", "--nolock")
    orphaned.snakemake(TARGET, "-n")
    assert lock.exists()
    orphaned.snakemake("--unlock")
    assert not lock.exists()


def test_the_records_tell_what_snakemake_would_have_written(finished):
    """Our own account of a job's params, inputs and logs is Snakemake's, for every rule."""
    from snakemake.persistence.file import FilePersistence

    books = FilePersistence(nolock=True, path=finished.results / ".snakemake")
    records = sorted((finished.results / "jobs").rglob("*.json"))
    assert len(records) > 40
    for path in records:
        record = json.loads(path.read_text())
        known = books._read_record(str(path.relative_to(finished.results)))
        assert record["settings"] == known.params
        assert record["inputs"] == known.input
        assert record["log"] == known.log
        outputs = {str(path.relative_to(finished.results)), *record["outputs"]}
        assert all(
            books._read_record(output).params == known.params
            for output in outputs
            if (finished.results / output).exists()
        )
