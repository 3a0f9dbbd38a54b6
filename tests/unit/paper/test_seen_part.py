"""Distances to the images that a target has seen: a block of their own under Table 4."""

import pytest
from mirage.paper import render
from mirage.paper.items import ITEMS
from mirage.paper.presentation import Presentation
from mirage.paper.seen import seen_part
from test_paper_tables import made_cells

SHOWN = Presentation("demo", False, networks={"delta_face_seen": "the face network"})


@pytest.fixture
def cells():
    made = made_cells({(0.0, 1): 50.0, (0.1, 1): 70.0}, samples="3")
    return made.assign(delta_face_seen=made["delta_face"] + 1)


def test_the_block_stands_beside_the_usual_distances(cells):
    (part,) = seen_part(ITEMS["table4"], cells, SHOWN)
    assert [column.key for column in part.columns][:2] == ["delta_face", "delta_face_seen"]
    rows = [[cell.ours for cell in row.cells[:2]] for row in part.blocks[0].rows]
    assert rows == [["0.3000", "1.3000"], ["0.5000", "1.5000"]]
    assert not part.has_paper
    page = render.html_fragment([part], SHOWN)
    assert "ours, not in the paper" in page
    assert "δ face, seen: the face network." in page


def test_only_table4_has_it_and_only_where_it_was_measured(cells):
    assert seen_part(ITEMS["table2"], cells, SHOWN) == []
    assert seen_part(ITEMS["table4"], cells.assign(delta_face_seen=float("nan")), SHOWN) == []
    for item in ("table2", "table4"):
        assert not {"delta_face_seen", "delta_eval_seen"} & {*ITEMS[item].metrics}
