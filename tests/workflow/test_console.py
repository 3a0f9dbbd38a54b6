"""What a person is told who asks for something that cannot be: one plain message."""

import os
import re
import time

import pytest

CODE = re.compile(r"Traceback|File \"|, line \d+")


def refused(checkout, *arguments):
    """What is told of a call that fails, after what Snakemake says of itself."""
    done = checkout.snakemake(*arguments, "--quiet", "host", check=False)
    assert done.returncode == 1
    told = done.told.partition("Building DAG of jobs...")[2]
    assert not CODE.search(told), told
    return told


CELL = "orl/resnet-mini/ls0/n3/s1"


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("results/tiny/tables/table1.csv", "snakemake tables/table1.csv instead"),
        ("HERE/results/tiny/tables/table1.csv", "snakemake tables/table1.csv instead"),
        ("results/paper/tables/table1.csv", "tables/table1.csv --config scale=paper instead"),
        ("tables/tabel1.csv", "Did you mean tables/table1.csv"),
        ("priors/pools/nope-16.safetensors", "pools has no 'nope'"),
        ("priors/pools/few-17.safetensors", "no network sees images of 17 pixels"),
        (f"attacks/{CELL}/ppa/optimised/0-99.safetensors", "0-99 is no chunk"),
        (f"targets/{CELL.replace('resnet', 'Resnet')}/metrics.json", "resnet-mini"),
        (f"attacks/{CELL}/pppa/metrics.json", "attacks has no 'pppa'"),
        (f"targets/{CELL.replace('ls0', 'mid')}/metrics.json", "'mid' is no part of a treatment"),
        (f"targets/{CELL.replace('ls0', 'ls0.10')}/metrics.json", "'ls0.10' is no part of a"),
        (f"targets/{CELL}/more/metrics.json", f"Did you mean targets/{CELL}/metrics.json"),
        (
            f"attacks/{CELL}/ppa+no@ls0.1/metrics.json",
            "'no' is no stage that others can run",
        ),
    ],
)
def test_a_mistyped_request_ends_with_one_plain_message(asked, path, message):
    assert message in refused(asked, "-n", path.replace("HERE", str(asked.folder)))


def test_a_report_of_nothing_says_so(asked):
    assert "Nothing to report yet: claims.csv, figures/figure1.png" in refused(
        asked, "--report", "none.zip"
    )


def test_a_newcomer_is_greeted_by_the_plan_alone(asked, monkeypatch):
    """No home to write to, as on many nodes; a link that became a file is told."""
    monkeypatch.setenv("HOME", "/dev/null/nowhere")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    (asked.folder / "slurm").unlink()
    (asked.folder / "slurm").write_text("profiles/slurm")
    done = asked.snakemake(f"targets/{CELL}/metrics.json", "-n", "--quiet", "host")
    assert "missing provenance" not in done.told
    assert "slurm is a file, not the link to profiles/slurm" in done.told
    assert "workstation is" not in done.told


def test_another_package_of_our_name_does_not_win(asked, monkeypatch, tmp_path):
    (tmp_path / "mirage").mkdir()
    (tmp_path / "mirage/__init__.py").write_text("raise SystemExit('the wrong package')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    asked.snakemake("data/orl/manifest.json")
    monkeypatch.setenv("MIRAGE_WARM", "0")
    asked.snakemake("data/orl-public/manifest.json")


def test_a_date_in_the_future_is_told_before_it_costs_work(asked):
    """Snakemake deleted the view that was just made, and did so at every attempt."""
    asked.snakemake("data/orl/manifest.json")
    pixels = asked.results / "data/orl/pixels.safetensors"
    os.utime(pixels, (time.time() + 5000,) * 2)
    view = "data/orl/views/square16.safetensors"
    told = refused(asked, view)
    assert "Nothing was started" in told
    assert "results/tiny/data/orl/pixels.safetensors" in told
    assert not (asked.results / "jobs/prepare_view").exists()
    os.utime(pixels)
    asked.snakemake(view)
