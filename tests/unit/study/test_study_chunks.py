"""Chunks of classes and names of draws."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mirage import draws
from mirage.study import grammar
from mirage.study.chunks import chunks, classes_of

words = st.from_regex(r"\A[a-z0-9]+(-[a-z0-9]+)*\Z")


@given(st.integers(1, 1200), st.none() | st.integers(1, 300))
def test_chunks_cover_the_classes_once(classes, per_chunk):
    covered = [c for chunk in chunks(classes, per_chunk) for c in classes_of(chunk)]
    assert covered == list(range(classes))


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
