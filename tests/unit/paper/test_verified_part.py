"""Verified hits: a block of their own under tables of attack accuracy."""

import pytest
from mirage.paper import render
from mirage.paper.items import ITEMS
from mirage.paper.presentation import Presentation
from mirage.paper.verified import verified_part
from test_paper_tables import made_cells

SHOWN = Presentation("demo", False, networks={"verified": "evaluator, and distances by faces"})


def cells(**others):
    made = made_cells({(0.0, 1): 50.0, (0.1, 1): 70.0, (0.1, 2): 80.0})
    return made.assign(verified=made["acc1"] - 10, unverified=20.0, **others)


@pytest.mark.parametrize("name", ["table1", "table2"])
def test_the_block_holds_both_shares_and_names_both_networks(name):
    (part,) = verified_part(ITEMS[name], cells(), SHOWN)
    assert [column.key for column in part.columns] == ["acc1", "verified", "unverified"]
    rows = part.blocks[0].rows
    assert [(row.label, row.n_seeds) for row in rows] == [("0.1", 2), ("0", 1)]
    assert [[cell.ours for cell in row.cells] for row in rows] == [
        ["75.00", "65.00", "20.00"], ["50.00", "40.00", "20.00"]
    ]  # fmt: skip
    assert not part.has_paper
    page = render.html_fragment([part], SHOWN)
    assert "Verified hits: evaluator, and distances by faces." in page
    assert "not in the paper" in page


def test_without_a_threshold_there_is_no_block():
    numbers = cells()
    assert verified_part(ITEMS["table1"], numbers.assign(verified=float("nan")), SHOWN) == []


def test_the_papers_columns_and_tables_do_not_hold_them():
    for name in ("table1", "table2"):
        held = {*ITEMS[name].metrics, *ITEMS[name].ours}
        assert not {"verified", "unverified"} & held
