"""Finished work outlives the deletion of its outputs, and only for the same work."""

import pytest
from mirage.runtime import finished

IDENTITY = {"rule": "try", "inputs": ["abc"]}
OUTPUTS = ["made/a.bin", "made/b.json", "../elsewhere/c.bin"]


@pytest.fixture(autouse=True)
def kept(tmp_path, monkeypatch):
    home = tmp_path / "results"
    home.mkdir()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(home)
    (home / "made").mkdir()
    for output in OUTPUTS:
        (home / output).write_bytes(output.encode())
    finished.keep("try/x", OUTPUTS, IDENTITY)
    return home


def _lose(home):
    for output in OUTPUTS:
        (home / output).unlink()


def test_outputs_come_back(kept):
    assert (kept / OUTPUTS[0]).stat().st_nlink == 2  # no copy
    _lose(kept)
    finished.tidy()
    assert finished.adopt("try/x", OUTPUTS, IDENTITY)
    assert [(kept / o).read_bytes() for o in OUTPUTS] == [o.encode() for o in OUTPUTS]


def test_replacing_an_output_does_not_reach_what_is_kept(kept):
    from mirage.runtime import files

    files.write_text(OUTPUTS[0], "other")
    assert finished.adopt("try/x", OUTPUTS, IDENTITY)
    assert (kept / OUTPUTS[0]).read_text() == OUTPUTS[0]


@pytest.mark.parametrize("identity", [{**IDENTITY, "inputs": ["abd"]}, {}])
def test_other_work_is_not_taken(kept, identity):
    _lose(kept)
    assert not finished.adopt("try/x", OUTPUTS, identity)
    assert not (kept / OUTPUTS[0]).exists()


def test_damaged_work_is_not_taken(kept):
    with (kept / OUTPUTS[1]).open("r+b") as file:
        file.write(b"X")
    _lose(kept)
    assert not finished.adopt("try/x", OUTPUTS, IDENTITY)
    assert not any((kept / output).exists() for output in OUTPUTS)


@pytest.mark.parametrize("lost", OUTPUTS)
def test_work_with_a_collected_file_is_not_taken(kept, lost):
    finished.collected([lost])
    assert (kept / lost).stat().st_nlink == 1
    assert not finished.adopt("try/x", OUTPUTS, IDENTITY)


def test_other_outputs_are_not_taken(kept):
    assert not finished.adopt("try/x", OUTPUTS[:2], IDENTITY)


def test_nothing_is_left_of_what_is_discarded(kept):
    finished.discard("try/x")
    assert not finished.waiting("try/x")
    assert not [path for path in (kept / "state").rglob("*") if path.is_file()]


def test_outputs_that_vanished_are_not_kept(kept):
    (kept / OUTPUTS[0]).unlink()
    finished.keep("try/x", OUTPUTS, IDENTITY)
    assert not finished.waiting("try/x")


def test_links_of_outputs_in_place_are_tidied_away(kept):
    finished.collected(OUTPUTS[:1])
    finished.tidy()
    assert not finished.waiting("try/x")
    assert [(kept / output).stat().st_nlink for output in OUTPUTS] == [1, 1, 1]
    assert not [path for path in (kept / "state").rglob("*") if path.is_file()]
