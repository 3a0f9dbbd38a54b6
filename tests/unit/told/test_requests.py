"""What is told of a request that nothing can meet: the command to type, which then works."""

import shlex

import pytest
from mirage.requests import Requests

FILES = [
    "tables/table1.csv", "tables/table1.html", "tables/table2.csv", "report.html",
    "targets/orl/resnet-mini/ls0/n3/s1/metrics.json",
    "targets/orl/resnet-mini/ls0/n3/s1/weights.safetensors",
    "data/an odd one/manifest.json",
]  # fmt: skip
NAMES = ["all", "forecast", "check_assets"]


@pytest.fixture
def requests(tmp_path):
    (tmp_path / "disk/demo").mkdir(parents=True)
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout/results").symlink_to(tmp_path / "disk")
    return Requests(
        checkout=tmp_path / "checkout",
        folder=tmp_path / "checkout/results/demo",
        scale="demo",
        scales=["demo", "paper"],
        makes=FILES.__contains__,
        known=lambda: [*NAMES, *FILES],
    )


def typed(told):
    """The words after ``snakemake`` in a message."""
    return shlex.split(told.partition("Type snakemake ")[2].partition(" instead")[0])


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize(
    "start", ["results/demo/", "./results/demo/", "demo/", "../demo/", "CHECKOUT/results/demo/",
              "DISK/demo/", "results//demo/./"],
)  # fmt: skip
def test_a_path_from_elsewhere_is_told_as_it_is_here(requests, tmp_path, start, file):
    start = start.replace("CHECKOUT", str(requests.checkout)).replace("DISK", f"{tmp_path}/disk")
    assert typed(str(requests.refusal(start + file))) == [file]


@pytest.mark.parametrize("start", ["results/paper/", "paper/", "CHECKOUT/results/paper/"])
def test_another_scale_is_named(requests, start):
    asked = start.replace("CHECKOUT", str(requests.checkout)) + "tables/table1.csv"
    expected = ["tables/table1.csv", "--config", "scale=paper"]
    assert typed(str(requests.refusal(asked))) == expected


@pytest.mark.parametrize(
    ("asked", "meant"),
    [
        ("forcast", "Did you mean forecast?"),
        ("tabels/table1.csv", "Did you mean tables/table1.csv"),
        ("results/demo/tabels/table1.csv", "Did you mean tables/table1.csv"),
        ("Tables/table1.csv", "Did you mean tables/table1.csv"),
        ("report.htm", "Did you mean report.html"),
        ("targets/orl/resnet-mini/ls0/n3/s1/metric.json", "metrics.json"),
        ("tables", "a file in this folder: tables/table1.csv, tables/table1.html"),
        ("results/demo", "Name a file in it"),
        ("zzz", "snakemake --list"),
    ],
)
def test_a_mistyping_gets_a_hint(requests, asked, meant):
    assert meant in str(requests.refusal(asked))


def test_what_is_asked_for_acts_on_no_terminal(requests):
    assert "\x1b" not in str(requests.refusal("tables/\x1b[2J"))
