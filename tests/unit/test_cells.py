"""The result grammar: what is written is read back."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mirage.cells import (
    DRAW,
    Attack,
    Target,
    chunks,
    classes_of,
    draw,
    number,
    parse,
    parse_draw,
    seed_of,
)
from mirage.errors import MirageError

words = st.from_regex(r"\A[a-z0-9]+(-[a-z0-9]+)*\Z")
alphas = st.floats(-100, 1, allow_nan=False).map(lambda a: round(a, 6))
targets = st.builds(
    Target, words, words, alphas, st.none() | st.integers(1, 5000), st.integers(0, 2**31)
)


@given(targets)
def test_target_round_trip(target):
    assert parse(target.path) == target


@given(targets, words)
def test_attack_round_trip(target, attack):
    assert parse(Attack(target, attack).path) == Attack(target, attack)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_back(value):
    assert float(number(value)) == value
    assert "e" not in number(value)


@pytest.mark.parametrize(
    "path",
    [
        "targets/orl/resnet-mini/ls0.10/all/s1",
        "targets/orl/resnet-mini/ls-0/all/s1",
        "targets/orl/resnet-mini/ls0/n0/s1",
        "targets/orl/resnet-mini/ls0/all/s01",
        "targets/orl/Resnet/ls0/all/s1",
        "targets/orl/a b/ls0/all/s1",
        "attacks/orl/resnet-mini/ls0/all/s1",
        "attacks/orl/resnet-mini/ls0/all/s1/ppa/metrics.json",
        "",
    ],
)
def test_other_spellings_are_refused(path):
    with pytest.raises(MirageError, match="names no cell"):
        parse(path)


def test_examples_of_the_house_plan():
    cell = Target("facescrub", "resnet152", -0.05, None, 42)
    assert cell.path == "targets/facescrub/resnet152/ls-0.05/all/s42"
    assert Attack(cell, "ppa").path == "attacks/facescrub/resnet152/ls-0.05/all/s42/ppa"


@given(st.integers(1, 1200), st.none() | st.integers(1, 300))
def test_chunks_cover_the_classes_once(classes, per_chunk):
    covered = [c for chunk in chunks(classes, per_chunk) for c in classes_of(chunk)]
    assert covered == list(range(classes))


@given(words, st.none() | st.integers(0, 2**31))
def test_draws_read_back(name, seed):
    assert parse_draw(draw(name, seed)) == (name, seed)
    assert re.fullmatch(DRAW, draw(name, seed))


@pytest.mark.parametrize(
    "name", ["orl/", "orl/s", "orl/s01", "orl/1", "orl/s1/s2", "/s1", "Orl/s1"]
)
def test_what_is_no_draw(name):
    assert not re.fullmatch(DRAW, name)


def test_a_seed_is_its_own_or_the_cells():
    assert seed_of(42, 7) == 42
    assert seed_of("cell", 7) == 7
