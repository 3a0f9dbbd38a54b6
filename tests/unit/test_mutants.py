"""The mutation tester: what it changes, what it leaves alone, and that it tells the two apart."""

import ast
import subprocess
import tomllib
from pathlib import Path

import pytest
from mutants import selection, workshop
from mutants.operators import Mutant, mutants_of

SOURCE = '''"""Module, with 1 number."""
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import a
Side = Literal["l", 3]


@dataclass(frozen=True)
class Kept:
    """With 1 field."""

    share: float


def share(hits: "list[1]", total: int = 5) -> float:
    """Share of 2 things."""
    if total < 1 and not hits:
        raise ValueError(f"{total + 1} is too few")
    ü = sum(hits)
    return ü / total
'''


def changes(source):
    return {(mutant.was, mutant.becomes) for mutant in mutants_of("f.py", source)}


def test_only_what_computes_is_changed():
    found = changes(SOURCE)
    assert ("total < 1", "(total <= 1)") in found
    assert ("total < 1 and not hits", "(total < 1 or not hits)") in found
    assert ("not hits", "hits") in found
    assert ("ü / total", "(ü * total)") in found
    assert ("5", "6") in found
    assert ('raise ValueError(f"{total + 1} is too few")', "pass") in found
    lines = {mutant.line for mutant in mutants_of("f.py", SOURCE)}
    assert lines == {16, 18, 19, 21}


@pytest.mark.parametrize(
    ("source", "was", "becomes"),
    [
        ("x = a * b + c", "a * b", "(a / b)"),
        ("x = f(a, b, k=1)", "f(a, b, k=1)", "f(b, a, k=1)"),
        ("x = f(a, b, k=1)", "f(a, b, k=1)", "f(a, b)"),
        ("x = y.detach()", "y.detach()", "y"),
        ("x = y.mean(dim=0)", "y.mean", "y.sum"),
        ("x = a if b else c", "a if b else c", "(c if b else a)"),
        ("x += 1", "x += 1", "x -= 1"),
        ("x = -a", "-a", "a"),
        ("f(x)", "f(x)", "pass"),
        ("x = 0", "0", "(-1)"),
        ("x = True", "True", "False"),
    ],
)
def test_operators(source, was, becomes):
    assert (was, becomes) in changes(source)


def test_every_mutant_of_the_library_is_python_and_another_program():
    repository = Path(__file__).resolve().parents[2]
    file = f"{selection.LIBRARY}/evaluation/prdc.py"
    source = (repository / file).read_text()
    found = selection.of_files(repository, [file])
    assert len(found) > 50
    for mutant in found:
        assert source[mutant.start : mutant.start + len(mutant.was)] == mutant.was
        assert ast.dump(ast.parse(mutant.apply(source))) != ast.dump(ast.parse(source))


def test_a_seed_draws_the_same_mutants_and_one_per_line():
    found = mutants_of("f.py", SOURCE)
    drawn = selection.draw(found, 3, seed=4)
    assert drawn == selection.draw(found, 3, seed=4)
    assert len({mutant.line for mutant in drawn}) == 3
    assert len(selection.draw(found, 100, seed=4)) == len({mutant.line for mutant in found})
    assert any(selection.draw(found, 3, seed) != drawn for seed in range(9))


@pytest.fixture
def repository(tmp_path):
    """A git repository with a library of one function and its test."""
    library = tmp_path / selection.LIBRARY / "paper"
    tests = tmp_path / "tests/unit/paper"
    for folder in (library, tests):
        folder.mkdir(parents=True)
    (library.parent / "__init__.py").touch()
    (library / "__init__.py").touch()
    (library / "sums.py").write_text("def add(a, b):\n    return a + b\n")
    (tests / "test_sums.py").write_text(
        "from mirage.paper.sums import add\n\n\ndef test_add():\n    assert add(2, 2) == 4\n"
    )
    (tmp_path / "pyproject.toml").write_text(
        '[tool.pytest.ini_options]\npythonpath = ["workflow/scripts"]\n'
    )
    for command in (("init", "-q", "-b", "main"), ("add", "."), ("commit", "-q", "-m", "first")):
        identity = ("-c", "user.name=t", "-c", "user.email=t@example.org")
        subprocess.run(("git", *identity, *command), cwd=tmp_path, check=True)
    return tmp_path


def test_changed_lines_are_those_of_the_packages(repository):
    module = repository / selection.LIBRARY / "paper/sums.py"
    module.write_text(module.read_text() + "\n\ndef less(a, b):\n    return a - b\n")
    (repository / selection.LIBRARY / "other.py").write_text("x = 1\n")
    lines = selection.changed_lines(repository, "HEAD")
    assert lines == {f"{selection.LIBRARY}/paper/sums.py": {3, 4, 5, 6}}
    assert {mutant.line for mutant in selection.of_lines(repository, lines)} == {6}


def test_a_mutant_is_noticed_or_not_and_the_tree_stays(repository, monkeypatch):
    monkeypatch.setattr(workshop, "_HEAVY", ())
    monkeypatch.setattr(workshop, "_become_pytest", become_the_test)
    file = f"{selection.LIBRARY}/paper/sums.py"
    source = (repository / file).read_text()
    with workshop.Workshop(repository) as shop:
        assert shop.related_tests(file) == ["tests/unit/paper/test_sums.py"]
        minus, times = (
            Mutant(file, 2, "a + b", text, source.index("a + b")) for text in ("a - b", "a * b")
        )
        assert shop.try_out(minus).killed_by == "tests/unit/paper/test_sums.py::test_add"
        assert shop.try_out(times).killed_by is None  # 2 * 2 is 4 as well
        assert (shop.folder / file).read_text() == source
    assert not shop.folder.exists()
    assert (repository / file).read_text() == source


def become_the_test(folder, tests, output):
    """As the workshop does, but in a process of its own: this one has our library loaded."""
    import os
    import sys

    with output.open("w") as stream:
        done = subprocess.run(
            (sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *tests),
            cwd=folder, stdout=stream, stderr=stream, check=False,
        )  # fmt: skip
    os._exit(done.returncode)


ROOT = Path(__file__).resolve().parents[2]
NAMED = tomllib.loads((ROOT / "tests/mutants/named.toml").read_text())["bug"]


@pytest.mark.parametrize("bug", NAMED, ids=lambda bug: bug["name"])
def test_every_known_bug_can_still_be_made(bug):
    """Its text stands once in the code, or the bug would be left out without a word."""
    source = (ROOT / "workflow/scripts/mirage" / bug["file"]).read_text()
    assert source.count(bug["was"]) == 1
    assert bug["becomes"] != bug["was"]
