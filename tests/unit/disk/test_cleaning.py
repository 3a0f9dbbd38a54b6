import json
import os
import time

import pytest
from mirage import cleaning, places

CELL = "attacks/orl/resnet-mini/ls-0.05/n3/s1/ppa"
STATE = "state/run_stage/orl/resnet-mini/ls-0.05/n3/s1/ppa/optimised/0-23.safetensors"
RECORD = "jobs/run_stage/orl/resnet-mini/ls-0.05/n3/s1/ppa/optimised/0-23.json"


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("data/orl/pixels.safetensors", "store"),
        ("data/orl/views/square32.safetensors", "store"),
        ("data/acceptance.json", "result"),
        ("priors/pools/ffhq-2000-224.safetensors", "store"),
        ("priors/ffhq/generator.safetensors", "store"),
        (f"{CELL}/optimised/0-23.safetensors", "result"),
        (f"{CELL}/selected.safetensors", "result"),
        (f"{CELL}/images.safetensors", "cache"),
        (f"{CELL}/features.safetensors", "result"),
        ("evaluation/orl/features.safetensors", "result"),
        ("compiled/0a1b.tar", "cache"),
        (STATE, "state"),
        (RECORD, "log"),
        ("logs/train_target/orl/a/ls0/n3/s1.log", "log"),
        ("data/celeba/.preparing/journal", "state"),
        ("weights/fid-inception.safetensors", "store"),
        ("fingerprints/ffhq.json", "result"),
        ("data/celeba64/acceptance.json", "result"),
        (f"{CELL}/.images.safetensors.123.part", "cache"),
        ("state/train_target/.a.safetensors.9.part", "cache"),
        (".snakemake/metadata/abc", "state"),
        (".snakemake/scripts/tmp1.train_target.py", "cache"),
        (".snakemake/conda/abc_/bin/python", "store"),
        ("tables/table2.csv", "result"),
        ("report.html", "result"),
        ("something/nobody/declared.bin", "result"),
    ],
)
def test_kind(path, kind):
    assert places.kind(path) == kind


@pytest.fixture
def home(tmp_path):
    """One cell in the middle of its life, all files a day old."""
    for path in (
        f"{CELL}/images.safetensors", f"{CELL}/selected.safetensors", STATE,
        "report.html", f"{CELL}/.gallery.safetensors.77.part", ".snakemake/metadata/a",
        ".snakemake/scripts/tmp1.x.py",
    ):  # fmt: skip
        _put(tmp_path, path, age_s=86400)
    return tmp_path


def _put(home, path, text="x" * 10, age_s=0.0):
    file = home / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    os.utime(file, (time.time() - age_s,) * 2)


def _gone(home):
    before = {file.path for file in cleaning.survey(home)}
    removed = {file.path for file in cleaning.clean(home)}
    assert {file.path for file in cleaning.survey(home)} == before - removed
    return removed - {f"{CELL}/.gallery.safetensors.77.part", ".snakemake/scripts/tmp1.x.py"}


def test_what_unfinished_jobs_need_stays(home):
    assert _gone(home) == set()


def test_images_go_once_they_are_measured(home):
    _put(home, f"{CELL}/metrics.json")
    assert _gone(home) == {f"{CELL}/images.safetensors"}


def test_images_newer_than_what_was_made_of_them_stay(home):
    _put(home, f"{CELL}/metrics.json", age_s=90000)
    assert _gone(home) == set()


def test_a_state_goes_once_its_job_has_left_a_record(home):
    spool = STATE.replace(".safetensors", ".spool")
    _put(home, spool)
    assert _gone(home) == set()
    _put(home, RECORD, json.dumps({"params": {"state": STATE}}))
    assert _gone(home) == {STATE, spool}


@pytest.mark.parametrize(
    "record",
    [json.dumps({"params": {"state": "state/other.safetensors"}}), json.dumps({}), "{half"],
)
def test_a_state_stays_where_no_record_vouches_for_its_job(home, record):
    _put(home, RECORD, record)
    assert _gone(home) == set()


def test_a_state_younger_than_the_record_belongs_to_a_job_at_work(home):
    _put(home, RECORD, json.dumps({"params": {"state": STATE}}), age_s=90000)
    assert _gone(home) == set()


def test_a_half_written_file_stays_for_an_hour_while_a_job_is_at_work(home, monkeypatch):
    young = f"{CELL}/.features.safetensors.78.part"
    _put(home, young, age_s=3000)
    _put(home, "state/claims/x.claim", json.dumps(
        {"machine": "another", "pid": 1, "began": 0, "slurm": "", "token": "a"}
    ))  # fmt: skip
    assert cleaning.claims.holders(home / "state/claims")
    assert young not in {file.path for file in cleaning.removable(home)}
    assert young.replace("78", "77").replace("features", "gallery") in {
        file.path for file in cleaning.removable(home)
    }
    monkeypatch.setattr(cleaning.claims, "alive", lambda holder: False)
    assert young in {file.path for file in cleaning.removable(home)}


@pytest.mark.parametrize(
    "left", ["toy/.tmpAb12Cd", ".tmpAb12Cd", "forecast/tmpab12cd_x/.block.7.part"]
)
def test_what_a_killed_writer_leaves_goes(home, left):
    _put(home, left)
    assert left in _gone(home)


def test_an_interrupted_preparation_stays_until_its_store_is_whole(home):
    left = {f"data/orl/.preparing/{name}" for name in ("pixels.part", "journal.jsonl")}
    for path in left:
        _put(home, path, age_s=7200)
    assert _gone(home) == set()
    _put(home, "data/orl/manifest.json")
    assert _gone(home) == left


def test_a_digest_goes_with_its_file(home):
    _put(home, f"{CELL}/.metrics.json.xxh3")
    _put(home, f"{CELL}/.per_class.csv.xxh3")
    _put(home, f"{CELL}/per_class.csv")
    assert _gone(home) == {f"{CELL}/.metrics.json.xxh3"}


def test_sizes_are_told_by_kind(home, caplog):
    with caplog.at_level("INFO", logger="mirage"):
        cleaning.tell_sizes(home)
    told = [record.getMessage().split(maxsplit=5) for record in caplog.records]
    assert sum(int(line[2]) for line in told) == 7
    assert {line[4] for line in told} == {"cache", "result", "state"}
