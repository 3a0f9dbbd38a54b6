"""The whole graph at tiny scale, through Snakemake itself."""

import json
from html.parser import HTMLParser

import pandas as pd

EXPECTED = [
    "report.html", "tables/table1.csv", "tables/table1.html", "tables/table1.tex",
    "tables/table2.csv", "figures/figure1.pdf", "figures/figure3.png", "figures/figure8.png",
    "tables/table3.csv", "figures/spread.png", "figures/figure4.csv", "figures/figure5.pdf",
    "figures/figure6b.csv", "figures/figure7.png", "toy/toy.csv", "data/acceptance.json",
]  # fmt: skip


class _Attributes(HTMLParser):
    def __init__(self, name):
        super().__init__()
        self.name, self.found = name, []

    def handle_starttag(self, _, attrs):
        self.found += [value for key, value in attrs if key == self.name]


def _attributes(page, name):
    parser = _Attributes(name)
    parser.feed(page)
    return parser.found


def test_everything_is_made(finished):
    missing = [name for name in EXPECTED if not (finished.results / name).is_file()]
    assert not missing


def test_a_line_per_finished_cell(finished):
    for stage in ("train_target", "run_stage", "score_attack"):
        assert f"[{stage} orl/resnet-mini/ls-0.05/n3/s1" in finished.first.told


def test_tables_hold_every_cell_and_its_seeds(finished):
    table = pd.read_csv(finished.results / "tables/table2.csv")
    assert len(table) == 5
    by = table.set_index(["attack", "alpha"])["n_seeds"]
    assert by[("ppa", 0.0)] == 2
    assert by[("ppa", 0.1)] == by[("ppa", -0.05)] == by[("ppa-ce", 0.0)] == by[("ppa-id", 0.0)] == 1


def test_table_numbers_are_those_of_the_cells(finished):
    table = pd.read_csv(finished.results / "tables/table2.csv")
    row = table[(table["attack"] == "ppa") & (table["alpha"] == 0)].iloc[0]
    found = [
        json.loads(
            (finished.results / f"attacks/orl/resnet-mini/ls0/n3/s{s}/ppa/metrics.json").read_text()
        )
        for s in (1, 2)
    ]
    assert row["acc1"] == 100 * sum(cell["paper"]["acc1"] for cell in found) / 2


def test_report_opens_from_disk(finished):
    page = (finished.results / "report.html").read_text()
    sources = _attributes(page, "src")
    assert sources
    assert all(source.startswith("data:") for source in sources)
    for name in ("Figure 1", "Figure 3", "Figure 8", "not comparable"):
        assert name in page


def test_links_of_the_report_lead_somewhere(finished):
    links = _attributes((finished.results / "report.html").read_text(), "href")
    inside = [link for link in links if not link.startswith(("#", "http"))]
    assert len(inside) >= 5
    assert not [link for link in inside if not (finished.results / link).is_file()]


def test_job_records_are_complete(finished):
    records = list((finished.results / "jobs").rglob("*.json"))
    assert len(records) > 40
    for path in records:
        record = json.loads(path.read_text())
        assert record["wall_s"] >= 0
        assert 0 < record["peak_memory_mb"] < 4000
        assert record["code"]


def test_second_run_has_nothing_to_do(finished):
    told = finished.snakemake().told
    assert "Nothing to be done" in told


def test_no_state_is_left_behind(finished):
    assert not list((finished.results / "state").rglob("*.safetensors"))
    assert not list(finished.results.rglob("*.part"))


def test_single_cells_can_be_asked_for_by_path(finished):
    told = finished.snakemake("targets/orl/resnet-mini/ls0.2/n3/s7/metrics.json", "-n").told
    assert "train_target" in told


def test_an_early_stop_ends_at_the_other_cells_accuracy_or_says_why_not(finished):
    cell = "targets/orl/resnet-mini/ls0.1+stop@ls-0.05/n3/s1"
    finished.snakemake(f"{cell}/metrics.json")
    stopped = json.loads((finished.results / f"{cell}/metrics.json").read_text())
    goal = finished.results / "targets/orl/resnet-mini/ls-0.05/n3/s1/metrics.json"
    told = stopped["stop"]
    assert told["goal"] == json.loads(goal.read_text())["test_accuracy"]
    assert told["reached"] == (stopped["test_accuracy"] >= told["goal"])
    assert told["reached"] != ("reason" in told)
    assert told["epochs"] == stopped["kept_epoch"] + 1


def test_defenses_tell_their_terms_and_stand_in_table_3(finished):
    cells = finished.results / "targets/orl/resnet-mini"
    mid = pd.read_csv(cells / "mid0.01/n3/s1/history.csv")
    assert (mid["loss"] - mid["cross_entropy"] - mid["kl"]).abs().max() < 1e-4
    bido = pd.read_csv(cells / "bido0.05_0.5/n3/s1/history.csv")
    assert (bido["stage4_y"] < 0).all()
    assert (bido["stage1_x"] > 0).all()
    table = pd.read_csv(finished.results / "tables/table3.csv")
    assert table["treatment"].tolist() == ["ls0", "ls-0.05", "mid0.01", "bido0.05_0.5"]
    assert "MID, β = 0.01" in (finished.results / "tables/table3.html").read_text()


def test_snakemake_report(finished):
    finished.snakemake("--report", "snakemake-report.html")
    pages = list(finished.folder.rglob("snakemake-report.html"))
    assert pages
    text = pages[0].read_text()
    assert "Tables" in text
    assert "Figures" in text
