"""A look at a study before it is finished: what is there, and what is not, named and counted."""

import re
from pathlib import Path

import pytest
from mirage.paper import gathering, report
from mirage.paper.contents import contents
from mirage.paper.finished_part import FinishedPart
from mirage.paper.presentation import describe
from report_models import GAIN, SCALE, Now, finished_part


@pytest.fixture
def part(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return finished_part()


def page(part):
    shown = describe(part.whole, "demo")
    material = gathering.of_part(part, shown, [], digests=Now())
    report.write_report("preview.html", material)
    return material, Path("preview.html").read_text()


def test_a_part_has_the_cells_that_are_scored(part):
    assert len(part.attacks) == 3 * 8
    assert {str(cell.target.treatment) for cell in part.attacks} == set(GAIN)
    assert len(part.whole.attacks) > 100
    assert {"table1", "table2", "table4"} <= set(part.items)
    assert not {"table8", "figure1"} & set(part.items)


def test_a_preview_shows_what_is_there_and_counts_what_is_not(part):
    material, text = page(part)
    shown = {one.name for one in material.exhibits}
    assert {"table1", "table2", "table4"} <= shown
    assert "figure1" not in shown
    told = " ".join(re.sub(r"<[^>]+>", " ", text).split())
    assert f"24 of {len(part.whole.attacks)} attacks" in told
    names = {item.name for item in contents(SCALE).values()}
    assert set(material.missing) <= names
    lacking = material.missing["Table 8"]
    assert re.fullmatch(r"[\d,]+ of [\d,]+ files it needs, so it is not shown", lacking)
    assert material.missing["Table 1"] == "12 of 60 files it needs"  # MID's and BiDO's


def test_claims_are_judged_on_what_there_is(part):
    material, _ = page(part)
    verdicts = {
        claim["number"]: claim["ours"] for group in material.judged for claim in group["claims"]
    }
    assert verdicts[1]["verdict"] == "holds"
    assert verdicts[5]["verdict"] == "holds"
    assert verdicts[43]["verdict"] == "not run"
    # A size of the paper's, and the demo is not like the paper.
    assert verdicts[6]["verdict"] == "not comparable"
    assert "people attacked: 24, the paper's 530" in verdicts[6]["why"]


def test_a_preview_of_nothing_is_a_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    material, text = page(FinishedPart(SCALE))
    assert not material.exhibits
    assert set(material.missing) == {item.name for item in contents(SCALE).values()}
    assert "0 of" in text
