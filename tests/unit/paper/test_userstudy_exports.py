"""Saved answers: what a page saves is read; what anything else wrote is refused by name."""

import copy
import json
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mirage.errors import MirageError
from mirage.paper.userstudy import exports as room
from mirage.paper.userstudy.exports import parsed, read_exports
from mirage.paper.userstudy.poll import count, is_kept, winner
from mirage.paper.userstudy.questionnaire import read_key
from mirage.runtime import files
from userstudy_models import (
    TREATMENTS,
    as_json,
    careless,
    export,
    reliable,
    save,
    sealed,
    write_pictures,
    write_study,
)

TASKS = 6
NEGATIVE, MID, BIDO = TREATMENTS


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    """Page and key of six tasks."""
    before = Path.cwd()
    os.chdir(tmp_path_factory.mktemp("study"))
    write_pictures()
    paths = [str(Path(path).resolve()) for path in write_study(TASKS)]
    os.chdir(before)
    return paths


@pytest.fixture
def key(study):
    return study[1]


def given_to(key, *votes):
    """Exports of annotators, each with one vote for everyone."""
    return [export(key, number, reliable(lambda _, v=v: v)) for number, v in enumerate(votes)]


def test_what_a_page_saves_reads_back(key, tmp_path):
    made = export(key, 1, reliable(lambda _: MID))
    found = read_exports([save(made, tmp_path / "a.json")], {"ORL": key})
    assert found == {"ORL": [made]}
    assert parsed(json.dumps(as_json(made)).encode()) == made


def test_an_unfinished_export_is_read_too(key, tmp_path):
    made = export(key, 1, reliable(lambda _: MID), count=3)
    (found,) = read_exports([save(made, tmp_path / "a.json")], {"ORL": key})["ORL"]
    assert len(found.answers) == 3


def test_no_files_are_no_answers(key):
    assert read_exports([], {"ORL": key}) == {"ORL": []}


def refused(paths, key, *reasons):
    with pytest.raises(MirageError) as told:
        read_exports(paths, {"ORL": key})
    for reason in reasons:
        assert reason in str(told.value)
    return str(told.value)


def test_all_refusals_are_told_at_once_by_name(key, tmp_path):
    good = export(key, 1, reliable(lambda _: MID))
    paths = [save(good, tmp_path / "good.json"), save(good, tmp_path / "again.json")]
    foreign = sealed(replace(good, page="f" * 64))
    paths.append(save(foreign, tmp_path / "foreign.json"))
    edited = as_json(export(key, 2, reliable(lambda _: MID)))
    edited["answers"][0]["position"] = edited["answers"][0]["position"] % 3 + 1
    files.write_json(tmp_path / "edited.json", edited, sealed=False)
    (tmp_path / "cut.json").write_text(json.dumps(as_json(good))[:-40])
    told = refused(
        [*paths, tmp_path / "edited.json", tmp_path / "cut.json", tmp_path / "none.json"],
        key,
        "5 files of answers are refused",
        "again.json: it is a second export of the annotator of good.json",
        "foreign.json: it is of another page of ORL: ffffffffffff",
        "edited.json: it was edited or damaged after it was saved",
        "cut.json: it is no JSON, or not whole",
        "none.json",
    )
    assert " good.json:" not in told


def test_what_a_page_cannot_have_given_is_refused_even_with_a_right_digest(key, tmp_path):
    good = export(key, 1, reliable(lambda _: MID))
    first, second, *rest = good.answers
    swapped = first.shown[::-1]
    for name, answers, reason in (
        ("skipped", (second, *rest), "not in the order"),
        ("twice", (first, first, second), "not in the order"),
        ("more", (*good.answers, first), "not in the order"),
        ("turned", (replace(first, shown=swapped), second, *rest), "stand as the page does not"),
        ("beyond", (replace(first, position=4),), "is 4"),
    ):
        path = save(sealed(replace(good, answers=answers)), tmp_path / f"{name}.json")
        refused([path], key, f"{name}.json: ", reason)


def test_answers_to_a_study_that_is_not_here_are_refused(key, tmp_path):
    other = sealed(replace(export(key, 1, reliable(lambda _: MID)), study="CelebA"))
    refused([save(other, tmp_path / "a.json")], key, "of the study 'CelebA', which is not among")


def test_answers_to_the_same_page_with_another_key_are_refused(key, tmp_path):
    other = sealed(replace(export(key, 1, reliable(lambda _: MID)), key="0" * 64))
    refused([save(other, tmp_path / "a.json")], key, "another page of ORL")


@pytest.mark.parametrize(
    "content",
    [
        b"", b"[]", b"null", b"{}", b'{"format": "answers", "format": "answers"}', b"\xff\xfe{}",
        b'{"format": NaN}', b"[" * 100_000, b"1" * 5000,
    ],
)  # fmt: skip
def test_what_is_no_export_is_one_clear_message(content):
    with pytest.raises(MirageError) as told:
        parsed(content)
    assert "\n" not in str(told.value)


def test_what_is_too_large_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(room, "MOST_BYTES", 10)
    (tmp_path / "a.json").write_text(" " * 11)
    with pytest.raises(MirageError, match="larger than any export"):
        room.read_export(tmp_path / "a.json")


@settings(max_examples=200)
@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(content):
    with pytest.raises(MirageError):
        parsed(content)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)


def places(value, path=()):
    """Every place inside a JSON value."""
    yield path
    pairs = value.items() if isinstance(value, dict) else ()
    pairs = enumerate(value) if isinstance(value, list | tuple) else pairs
    for name, inner in pairs:
        yield from places(inner, (*path, name))


@settings(max_examples=150)
@given(data=st.data())
def test_no_value_of_an_export_can_be_another(study, data):
    """Whatever stands at whatever place: refused, or it was no change."""
    key = study[1]
    whole = json.loads(json.dumps(as_json(export(key, 1, reliable(lambda _: MID), count=2))))
    path = data.draw(st.sampled_from([place for place in places(whole) if place]))
    changed = copy.deepcopy(whole)
    inside = changed
    for name in path[:-1]:
        inside = inside[name]
    inside[path[-1]] = data.draw(JSON)
    known = {"ORL": (read_key(key), whole["key"])}
    if json.dumps(changed) == json.dumps(whole):
        return
    with pytest.raises(MirageError):
        room.check(parsed(json.dumps(changed).encode()), known)


@settings(max_examples=60)
@given(start=st.integers(0, 4000), length=st.integers(1, 50))
def test_no_export_survives_a_cut(study, start, length):
    key = study[1]
    made = export(key, 1, reliable(lambda _: MID), count=3)
    whole = json.dumps(as_json(made), separators=(",", ":")).encode()
    cut = whole[:start] + whole[start + length :]
    if cut == whole:
        return
    with pytest.raises(MirageError):
        room.check(parsed(cut), {"ORL": (read_key(key), made.key)})


def test_two_of_three_votes_decide_and_three_different_ones_are_a_tie(key):
    poll = count(given_to(key, NEGATIVE, NEGATIVE, BIDO), read_key(key))
    assert poll.wins == (TASKS, 0, 0)
    assert (poll.annotators, poll.kept, poll.missing, poll.ties) == (3, 3, 0, 0)
    poll = count(given_to(key, NEGATIVE, MID, BIDO), read_key(key))
    assert (poll.wins, poll.ties) == ((0, 0, 0), TASKS)
    assert poll.table == [[1, 1, 1]] * TASKS
    assert winner(["a", "b", "b"]) == "b"
    assert winner(["a", "b", "c"]) is None


def test_votes_are_counted_task_by_task(key):
    """Each annotator has an order of its own; people decide."""
    wanted = {0: NEGATIVE, 1: MID, 2: BIDO}
    saved = [export(key, n, reliable(lambda person: wanted[person % 3])) for n in range(3)]
    held = read_key(key)
    poll = count(saved, held)
    for task, votes in poll.votes.items():
        assert set(votes) == {wanted[held.tasks[task].person % 3]}
    assert sum(poll.wins) == TASKS
    assert poll.median_ms in {1001, 1002, 1003, 1001.5, 1002.5}


def test_annotators_who_fail_the_honeypots_do_not_count(key):
    held = read_key(key)
    bad = export(key, 7, careless)
    assert not is_kept(bad, held)
    poll = count([*given_to(key, MID, MID, MID), bad], held)
    assert (poll.annotators, poll.kept, poll.wins) == (4, 3, (0, TASKS, 0))


def test_four_of_five_honeypots_are_enough_and_three_are_not(key):
    held = read_key(key)
    traps = [name for name, task in held.tasks.items() if task.answer]
    assert len(traps) == 5
    for missed, kept in ((0, True), (1, True), (2, False)):
        wrong = set(traps[:missed])

        def choose(name, task, wrong=wrong):
            return careless(name, task) if name in wrong else reliable(lambda _: MID)(name, task)

        assert is_kept(export(key, 3, choose), held) == kept


def test_who_has_seen_too_few_honeypots_does_not_count(key):
    held = read_key(key)
    whole = export(key, 3, reliable(lambda _: MID))
    seen = [bool(held.tasks[reply.task].answer) for reply in whole.answers]
    before = len(seen) - seen[::-1].index(True) - 1
    part = export(key, 3, reliable(lambda _: MID), count=before)
    assert is_kept(whole, held)
    assert not is_kept(part, held)


def test_tasks_of_fewer_votes_stay_open(key):
    poll = count(given_to(key, MID, MID), read_key(key))
    assert (poll.votes, poll.missing, poll.median_ms) == ({}, TASKS, None)
    assert count([], read_key(key)).missing == TASKS


def test_which_votes_count_does_not_depend_on_them(key):
    """Of five annotators three count for a task; the same three, whatever they said."""
    held = read_key(key)
    chosen = []
    for votes in ((MID, NEGATIVE, BIDO, MID, NEGATIVE), (BIDO, BIDO, NEGATIVE, MID, MID)):
        poll = count(given_to(key, *votes), held)
        who = {
            task: [
                {n for n, vote in enumerate(votes) if vote == given} for given in poll.votes[task]
            ]
            for task in poll.votes
        }
        chosen.append(who)
    first, second = chosen
    assert set(first) == set(second)
    for task in first:
        assert all(one & other for one, other in zip(first[task], second[task], strict=True))
    assert len({tuple(map(frozenset, votes)) for votes in first.values()}) > 1
