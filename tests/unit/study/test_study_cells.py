"""The result grammar: what is written is read back, and nothing else is."""

import re
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mirage.errors import MirageError
from mirage.study import grammar
from mirage.study.cells import ROLES, Attack, Target, parse
from mirage.study.grammar import Part, number, parse_part
from mirage.study.treatment import Treatment

words = st.from_regex(r"\A[a-z0-9]+(-[a-z0-9]+)*\Z")
alphas = st.floats(-100, 1, allow_nan=False).map(lambda a: round(a, 6))
smoothings = alphas.map(Treatment.smoothing)
stops = smoothings.map(lambda other: Part("stop", (), other.parts[0]))
stopped = (
    st.tuples(smoothings, stops)
    .filter(lambda drawn: drawn[0].parts[0] != drawn[1].other)  # that would be itself
    .map(lambda drawn: Treatment((*drawn[0].parts, drawn[1])))
)
treatments = smoothings | stopped
targets = st.builds(
    Target, words, words, treatments, st.none() | st.integers(1, 5000), st.integers(0, 2**31)
)
numbered = st.builds(
    Part,
    st.from_regex(r"\A[a-z]+\Z"),
    st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=3).map(tuple),
)
parts = st.builds(Part, numbered.map(lambda p: p.name), numbered.map(lambda p: p.numbers),
                  st.none() | numbered)  # fmt: skip


@st.composite
def attacks(draw):
    target = draw(targets)
    others = smoothings.filter(lambda other: other != target.treatment)
    roles = [role for role in ROLES if draw(st.booleans())]
    swaps = tuple(Part(role, (), draw(others).parts[0]) for role in roles)
    return Attack(target, draw(words), swaps)


@given(targets)
def test_target_round_trip(target):
    assert parse(target.path) == target
    assert Target.parse(target.cell) == target


@given(attacks())
def test_attack_round_trip(attack):
    assert parse(attack.path) == attack


@given(targets, attacks())
def test_the_wildcards_are_the_whole_of_a_cell(target, attack):
    assert re.fullmatch(grammar.TARGET, target.cell)
    assert re.fullmatch(grammar.ATTACK, str(attack))
    assert shlex.quote(attack.path) == attack.path


@given(parts)
def test_parts_read_back(part):
    # -0 is written 0, and there is but one spelling of it.
    def plain(p):
        return p and Part(p.name, tuple(n + 0.0 for n in p.numbers), plain(p.other))

    assert parse_part(str(part)) == plain(part)
    assert re.fullmatch(grammar.PART, str(part))


@given(st.text(alphabet="abls0123456789.-_@+/n", max_size=12))
def test_a_part_has_one_spelling(text):
    part = parse_part(text)
    assert part is None or str(part) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_read_back(value):
    assert float(number(value)) == value
    assert "e" not in number(value)


@pytest.mark.parametrize(
    "path",
    [
        "targets/orl/resnet-mini/ls0/n0/s1",
        "targets/orl/resnet-mini/ls0/all/s01",
        "targets/orl/resnet-mini/ls0/all/1",
        "targets/orl/Resnet/ls0/all/s1",
        "targets/orl/a b/ls0/all/s1",
        "targets/orl/resnet-mini/ls0/all/s1/more",
        "targets/orl/resnet-mini/all/s1",
        "attacks/orl/resnet-mini/ls0/all/s1",
        "attacks/orl/resnet-mini/ls0/all/s1/ppa/metrics.json",
        "attacks/orl/resnet-mini/ls0/all/s1/ppa+select@ls0",  # itself
        "attacks/orl/resnet-mini/ls0/all/s1/ppa+select@ls0.1+sample@ls0.1",  # order
        "attacks/orl/resnet-mini/ls0/all/s1/ppa+select@ls0.1+select@ls0.2",
        "attacks/orl/resnet-mini/ls0/all/s1/ppa+select0@ls0.1",
        "attacks/orl/resnet-mini/ls0/all/s1/ppa+select",
        "cells/orl",
        "",
    ],
)
def test_what_names_no_cell(path):
    with pytest.raises(MirageError, match="names no cell"):
        parse(path)


def test_the_model_that_is_optimised_on_is_the_cell():
    with pytest.raises(MirageError, match="the model it optimises on"):
        parse("attacks/orl/resnet-mini/ls0/all/s1/ppa+optimise@ls0.1")


def test_who_runs_a_stage():
    attack = parse("attacks/orl/resnet-mini/ls0/all/s1/ppa+select@ls-0.05")
    assert attack.runner("select").path == "targets/orl/resnet-mini/ls-0.05/all/s1"
    assert attack.runner("sample") == attack.runner("optimise") == attack.target


@pytest.mark.parametrize(
    ("treatment", "named"),
    [
        ("ls0.10", "ls0.10"), ("ls-0", "ls-0"), ("ls00", "ls00"), ("ls", "ls"), ("mid", "mid"),
        ("ls0_1", "ls0_1"), ("nothing0.5", "nothing0.5"), ("ls0+nothing1", "nothing1"),
        ("ls0@ls0.1", "ls0@ls0.1"), ("ls0+stop", "stop"), ("ls0+stop0.5@ls0", "stop0.5@ls0"),
        ("ls0+stop@ls", "ls"), ("ls0+stop@nothing1", "nothing1"),
    ],
)  # fmt: skip
def test_treatments_that_are_none_are_named(treatment, named):
    with pytest.raises(MirageError, match=f"'{re.escape(named)}' is no part"):
        parse(f"targets/orl/resnet-mini/{treatment}/all/s1")


@pytest.mark.parametrize("treatment", ["stop@ls0+ls0.1", "ls0+ls0.1", "stop@ls0+stop@ls0.1"])
def test_a_treatment_has_one_spelling(treatment):
    with pytest.raises(MirageError, match=r"each part once, in this order: ls, .*stop"):
        Treatment.parse(treatment)


@pytest.mark.parametrize(
    "treatment",
    ["ls0+stop@ls0", "ls-0.05+stop@ls-0.05", "stop@ls0", "mid0.1+stop@mid0.1",
     "ls0+mid0.1+stop@mid0.1"],
)  # fmt: skip
def test_no_training_stops_at_itself(treatment):
    with pytest.raises(MirageError, match=re.escape(f"'{treatment}' refers to itself")):
        Treatment.parse(treatment)


def test_a_stop_names_the_cell_it_needs():
    cell = parse("targets/orl/resnet-mini/ls0.1+stop@ls-0.05/n3/s2")
    assert [sibling.path for sibling in cell.siblings] == ["targets/orl/resnet-mini/ls-0.05/n3/s2"]
    assert cell.treatment.alpha is None
    assert cell.treatment.settings({"ls": {"ramp": "corrected"}}) == [
        {"part": "ls", "ramp": "corrected", "alpha": 0.1}, {"part": "stop", "like": "ls-0.05"},
    ]  # fmt: skip


def test_smoothing_ends_at_one():
    with pytest.raises(MirageError, match=r"alpha is 1\.5"):
        Treatment.parse("ls1.5")


def test_examples_of_the_readme():
    cell = Target("facescrub", "resnet152", Treatment.smoothing(-0.05), None, 42)
    assert cell.path == "targets/facescrub/resnet152/ls-0.05/all/s42"
    assert Attack(cell, "ppa").path == "attacks/facescrub/resnet152/ls-0.05/all/s42/ppa"
    swapped = parse("attacks/facescrub/resnet152/ls0/all/s42/ppa-50+sample@ls0.1")
    assert swapped.name == "ppa-50"
    assert swapped.runs == {"sample": Treatment.smoothing(0.1)}
