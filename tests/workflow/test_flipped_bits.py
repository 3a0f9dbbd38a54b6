"""A bit flips in a finished study, its file's times stay: the next reader and `verify` tell."""

import os
import shutil

import pytest
from projects import Checkout

CELL = "orl/resnet-mini/ls0/n3/s1"
ATTACK = f"attacks/{CELL}/ppa"
OPTIMISED = f"{ATTACK}/optimised/0-1.safetensors"
# What is flipped, and a job that reads it.
READ = {
    "data/orl/pixels.safetensors": "prepare_view data/orl/views/square16.safetensors",
    "data/orl/index.csv": "prepare_view data/orl/views/square16.safetensors",
    f"{ATTACK}/candidates.safetensors": f"{OPTIMISED} {OPTIMISED}",  # not the other stages
    f"{ATTACK}/knowledge.json": f"score_attack {ATTACK}/metrics.json",
    f"{ATTACK}/metrics.json": "make_table tables/table2.csv",
}


@pytest.fixture
def study(finished, tmp_path):
    """A copy of a finished study."""
    checkout = Checkout(tmp_path)
    shutil.copytree(finished.folder / "results", tmp_path / "results", symlinks=True)
    return checkout


def _flip(path, share):
    status = path.stat()
    with path.open("r+b") as file:
        place = min(int(share * status.st_size), status.st_size - 1)
        file.seek(place)
        byte = file.read(1)[0]
        file.seek(place)
        file.write(bytes([byte ^ 4]))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def _finished(results):
    passed_over = {".snakemake", "logs", "state"}
    return sorted(
        path.relative_to(results).as_posix()
        for path in results.rglob("*")
        if path.is_file()
        and not path.name.startswith(".")
        and path.relative_to(results).parts[0] not in passed_over
    )


def test_a_sound_study_passes_whole(study):
    names = _finished(study.results)
    assert len(names) > 150
    told = study.snakemake("verify").told
    assert f"files sound {len(names)}" in told
    assert "without a digest 0" in told


@pytest.mark.parametrize("share", [0.0, 0.003, 0.5, 1.0])
def test_verify_names_every_damaged_file(study, share):
    names = _finished(study.results)
    for name in names:
        _flip(study.results / name, share)
    done = study.snakemake("verify", check=False)
    assert done.returncode != 0
    assert [name for name in names if f"{name} is damaged" not in done.told] == []


def test_a_job_that_reads_it_names_file_and_target(study):
    # Last stages first: a job that fails loses its own outputs.
    for name, reader in reversed(READ.items()):
        rule, target = reader.split()
        _flip(study.results / name, 0.5)
        done = study.snakemake(target, "--forcerun", rule, check=False)
        assert done.returncode != 0, name
        assert f"{name} is damaged" in done.told
        assert f"snakemake --force {name}" in done.told
        _flip(study.results / name, 0.5)


def test_the_named_command_mends_it(study):
    name = f"{ATTACK}/knowledge.json"
    before = (study.results / name).read_bytes()
    _flip(study.results / name, 0.5)
    study.snakemake("--force", name)
    assert (study.results / name).read_bytes() == before
    study.snakemake("verify")
