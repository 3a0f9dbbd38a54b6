"""What Python files say is found out once, and remembered under their very bytes."""

import os

import pytest
from mirage.runtime import sources
from mirage.runtime.digest import Digests
from mirage.runtime.sources import ParsedFiles


@pytest.fixture
def parsed(monkeypatch):
    """Texts that were parsed."""
    found = []
    parse = sources.parse
    monkeypatch.setattr(sources, "parse", lambda text: found.append(text) or parse(text))
    return found


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.py"
    path.write_text('"""Words."""\nfrom mirage import b\n')
    return path


def test_what_a_file_says(file):
    assert ParsedFiles().of(file).imports == ("mirage", "mirage.b")
    assert not ParsedFiles().of(file).is_registry
    file.write_text("from mirage.registry import Registry\nR = Registry(__name__, 'X')\n")
    assert ParsedFiles().of(file).is_registry


def test_the_next_process_parses_nothing_that_is_the_same(file, tmp_path, parsed):
    memory = tmp_path / "memory.json"
    first = ParsedFiles(memory)
    first.keep([file])
    told, first_parsed = first.of(file), len(parsed)
    os.utime(file, (1, 1))  # touched, and moved
    moved = file.rename(tmp_path / "b.py")
    assert ParsedFiles(memory).of(moved) == told
    assert first_parsed == len(parsed) == 1
    moved.write_text("X = 2\n")
    assert ParsedFiles(memory).of(moved) != told
    assert len(parsed) == 2


def test_what_is_gone_is_forgotten(file, tmp_path, parsed):
    memory = tmp_path / "memory.json"
    ParsedFiles(memory).keep([file])
    ParsedFiles(memory).keep([])
    ParsedFiles(memory).of(file)
    assert len(parsed) == 2


@pytest.mark.parametrize(
    "damage",
    [
        "",
        "[]",
        "{}",
        '{"reading": 1, "sources": {}}',
        '{"reading": "READING", "sources": {"a": 1}}',
    ],
)
def test_a_damaged_memory_is_none(file, tmp_path, parsed, damage):
    memory = tmp_path / "memory.json"
    memory.write_text(damage.replace("READING", sources._reading()))
    ParsedFiles(memory).keep([file])
    assert ParsedFiles(memory).of(file).imports == ("mirage", "mirage.b")
    assert len(parsed) == 1


def test_another_reading_reads_anew(file, tmp_path, parsed, monkeypatch):
    memory = tmp_path / "memory.json"
    ParsedFiles(memory).keep([file])
    monkeypatch.setattr(sources, "_reading", lambda: "another Python's")
    ParsedFiles(memory).of(file)
    assert len(parsed) == 2


def test_a_memory_that_cannot_be_written_is_none(file, tmp_path):
    memory = tmp_path / "a.py" / "memory.json"  # below a file
    ParsedFiles(memory).keep([file])
    assert ParsedFiles(memory).of(file).imports == ("mirage", "mirage.b")


def test_what_is_no_python_stops_only_whoever_needs_it(file, tmp_path):
    broken = tmp_path / "broken.py"
    broken.write_text("not python (\n")
    known = ParsedFiles(tmp_path / "memory.json")
    known.keep([broken, file])
    assert known.of(file).imports == ("mirage", "mirage.b")
    with pytest.raises(SyntaxError):
        known.of(broken)


def test_digests_of_all_jobs_parse_each_file_once(tmp_path, parsed):
    (tmp_path / "work.py").write_text("from mirage.attacks.kinds import KINDS\n")
    memory = tmp_path / "memory.json"
    digests = Digests(tmp_path, memory)
    for kind in ("ppa", "gmi", "plg", "ked"):
        digests.of("work", [kind])
    assert len(parsed) == len(set(parsed)) > 10
    digests.keep()
    before = len(parsed)
    again = Digests(tmp_path, memory)
    assert again.of("work", ["ppa"]) == digests.of("work", ["ppa"])
    assert len(parsed) == before
