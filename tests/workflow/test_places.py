"""Where the project lies, and where its results: any path that a file system allows."""

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from projects import TINY, Checkout

ODD = 'Dépôt de l\'art; R&D (2) cost$HOME `x` #1 100% ~ a*b?[c] "q" \\n !h <i> |'
VIEW = "data/orl/views/square16.safetensors"


def _own_environment(folder):
    """A virtual environment that really lies in ``folder``, with the packages of this one."""
    place = folder / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(place)], check=True)
    site = next(place.glob("lib/python3*/site-packages"))
    (site / "packages.pth").write_text(sysconfig.get_paths()["purelib"] + "\n")
    return str(place / "bin/python")


def _run(python, checkout, *arguments, warm="0", cwd=None):
    done = subprocess.run(
        [python, "-m", "snakemake", *arguments, "--configfile", str(TINY)],
        cwd=cwd or checkout.folder,
        env={**checkout.environment(), "MIRAGE_WARM": warm},
        capture_output=True,
        text=True,
        check=False,
    )
    done.told = done.stdout + done.stderr
    return done


@pytest.fixture(scope="module")
def odd(tmp_path_factory):
    folder = tmp_path_factory.mktemp("odd") / ODD
    folder.mkdir()
    checkout = Checkout(folder)
    checkout.python = _own_environment(folder)
    return checkout


@pytest.mark.parametrize(("warm", "target"), [("0", VIEW), ("1", "toy/toy.csv")])
def test_jobs_run_below_any_path(odd, warm, target):
    done = _run(odd.python, odd, target, warm=warm)
    assert done.returncode == 0, done.told[-4000:]
    assert (odd.results / target).is_file()
    assert list((odd.results / "logs").rglob("*.log"))


@pytest.mark.parametrize("name", ["{braces}", "close}"])
def test_what_snakemake_cannot_do_is_refused_before_anything(name, tmp_path):
    folder = tmp_path / name
    folder.mkdir()
    checkout = Checkout(folder)
    done = _run(sys.executable, checkout, "toy/toy.csv")
    assert done.returncode != 0
    assert "rename that folder, or move the checkout" in done.told.lower()
    assert "Traceback" not in done.told
    assert not checkout.results.exists()


def _files(folder):
    return {str(p.relative_to(folder)) for p in folder.rglob("*") if ".snakemake" not in p.parts}


def test_results_on_another_disk(checkout, tmp_path_factory):
    """A link to a scratch disk: nothing is written beside it, and the shipped prior is found."""
    scratch = tmp_path_factory.mktemp("scratch")
    (scratch / "deep/results").mkdir(parents=True)
    before = _files(checkout.folder)
    (checkout.folder / "results").symlink_to(scratch / "deep/results")
    checkout.snakemake(VIEW)
    assert (scratch / "deep/results/tiny" / VIEW).is_file()
    assert [p.name for p in scratch.iterdir()] == ["deep"]
    assert [p.name for p in (scratch / "deep").iterdir()] == ["results"]
    assert _files(checkout.folder) - before <= {"results"}
    told = checkout.snakemake("-n", tiny=False).told
    assert "train_prior" not in told


def test_directory_names_another_folder(checkout, tmp_path_factory):
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    before = _files(checkout.folder)
    checkout.snakemake(VIEW, "--directory", str(elsewhere / "here"))
    assert (elsewhere / "here" / VIEW).is_file()
    assert [p.name for p in elsewhere.iterdir()] == ["here"]
    assert _files(checkout.folder) == before
    told = checkout.snakemake("-n", "--directory", str(elsewhere / "demo"), tiny=False).told
    assert "train_prior" not in told


def test_a_moved_checkout_repeats_nothing(tmp_path):
    (tmp_path / "a").mkdir()
    checkout = Checkout(tmp_path / "a")
    checkout.snakemake(VIEW)
    (tmp_path / "a").rename(tmp_path / "b")
    (tmp_path / "link").symlink_to("b")
    for name in ("b", "link"):
        checkout.folder = tmp_path / name
        assert "Nothing to be done" in checkout.snakemake(VIEW).told


def test_a_disk_that_is_not_mounted_is_named(checkout):
    (checkout.folder / "results").symlink_to("/nowhere/results")
    done = checkout.snakemake(VIEW, check=False)
    assert done.returncode != 0
    assert "is a link to /nowhere/results, which is not there" in done.told
    assert (checkout.folder / "results").is_symlink()
    assert not os.path.lexists(Path("/nowhere"))
