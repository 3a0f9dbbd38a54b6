"""Chunks of classes and names of draws."""

import re
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from mirage import draws
from mirage.errors import MirageError
from mirage.study import grammar
from mirage.study.chunks import attacked, chunks, classes_of, members

words = st.from_regex(r"\A[a-z0-9]+(-[a-z0-9]+)*\Z")


@given(st.sets(st.integers(0, 1200), min_size=1), st.integers(1, 300))
def test_chunks_cover_the_attacked_classes_once(attacked_ones, per_chunk):
    classes = sorted(attacked_ones)
    names = chunks(classes, per_chunk)
    parts = [classes_of(chunk, classes) for chunk in names]
    assert [label for part in parts for label in part] == classes
    assert len(set(names)) == len(names)
    assert all(len(part) <= per_chunk for part in parts)


@given(st.sets(st.integers(0, 1200), min_size=1), st.integers(1, 300), st.integers(1, 99))
def test_chunks_hold_whole_batches(attacked_ones, per_chunk, together):
    classes = sorted(attacked_ones)
    batches = [classes[first : first + together] for first in range(0, len(classes), together)]
    rows = [classes_of(chunk, classes) for chunk in chunks(classes, per_chunk, together)]
    cut = [row[at : at + together] for row in rows for at in range(0, len(row), together)]
    assert cut == batches
    most = max(per_chunk, together)
    assert all(len(row) <= most for row in rows)


def test_a_chunk_is_no_longer_than_wanted_unless_a_batch_is():
    assert chunks(range(10), 5, 2) == ["0-3", "4-7", "8-9"]
    assert chunks(range(10), 2, 4) == ["0-3", "4-7", "8-9"]


def test_names_of_chunks_of_all_classes():
    assert chunks(range(10), 4) == ["0-3", "4-7", "8-9"]


@pytest.mark.parametrize(
    ("setting", "classes"),
    [("all", [0, 1, 2, 3, 4]), (3, [0, 1, 2]), ([4, 0, 2], [0, 2, 4])],
)
def test_which_classes_are_attacked(setting, classes):
    assert attacked(setting, 5) == classes


@given(st.integers(2, 50), st.integers(0, 2**31))
def test_a_draw_of_classes_holds_every_smaller_one(count, seed):
    def drawn(size, known=60):
        return attacked({"draw": "uniform", "count": size, "seed": seed}, known)

    assert drawn(count) == sorted(set(drawn(count)))
    assert len(drawn(count)) == count
    assert set(drawn(count)) <= set(drawn(count + 1)) <= set(range(60))


def test_a_draw_is_fixed():
    assert attacked({"draw": "uniform", "count": 4, "seed": 1}, 24) == [1, 11, 13, 18]
    assert attacked({"draw": "uniform", "count": 4, "seed": 2}, 24) != [1, 11, 13, 18]


@pytest.mark.parametrize(
    ("setting", "told"),
    [
        (6, "class 5 cannot be attacked"),
        ([0, 7], "class 7 cannot"),
        ({"draw": "uniform", "count": 6, "seed": 1}, "class 5 cannot"),
        ([3], "at least two"),
        ([3, 3], "at least two"),
    ],
)
def test_classes_that_cannot_be_attacked(setting, told):
    with pytest.raises(MirageError, match=told):
        attacked(setting, 5)


@given(words, st.none() | st.integers(0, 2**31))
def test_draws_read_back(name, seed):
    assert draws.parse(draws.draw(name, seed)) == (name, seed)
    assert re.fullmatch(grammar.DRAW, draws.draw(name, seed))


@pytest.mark.parametrize(
    "name", ["orl/", "orl/s", "orl/s01", "orl/1", "orl/s1/s2", "/s1", "Orl/s1"]
)
def test_what_is_no_draw(name):
    assert not re.fullmatch(grammar.DRAW, name)


def test_a_seed_is_its_own_or_the_cells():
    assert draws.settled(42, 7) == 42
    assert draws.settled("cell", 7) == 7


CONFIG = yaml.safe_load((Path(__file__).parents[3] / "config.yaml").read_text())
GROUPS = {"a": "0-8", "b": [9, 10, 11, 12]}


@pytest.mark.parametrize("count", [2, 4, 8])
def test_a_balanced_draw_takes_as_many_of_each_group(count):
    drawn = attacked({"draw": "balanced", "count": count, "seed": 3}, 13, GROUPS)
    assert [sum(label in members(group) for label in drawn) for group in GROUPS.values()] == [
        count // 2, count // 2,
    ]  # fmt: skip
    larger = attacked({"draw": "balanced", "count": 8, "seed": 3}, 13, GROUPS)
    assert set(drawn) <= set(larger)
    other = [attacked({"draw": "balanced", "count": 4, "seed": n}, 13, GROUPS) for n in range(9)]
    assert len(set(map(tuple, other))) > 1


@pytest.mark.parametrize(("count", "groups"), [(3, GROUPS), (10, GROUPS), (4, {})])
def test_a_draw_that_cannot_be_balanced_is_refused(count, groups):
    with pytest.raises(MirageError, match=f"{count} classes cannot be drawn in equal parts"):
        attacked({"draw": "balanced", "count": count, "seed": 3}, 13, groups)


def test_facescrub_is_drawn_from_as_many_actors_as_actresses():
    groups = CONFIG["scales"]["paper"]["datasets"]["facescrub"]["groups"]
    drawn = attacked({"draw": "balanced", "count": 50, "seed": 42}, 530, groups)
    assert sum(label < 265 for label in drawn) == sum(label >= 265 for label in drawn) == 25
