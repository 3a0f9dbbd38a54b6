"""The code digest follows logic, not wording."""

import pickle
from pathlib import Path

import pytest
from mirage.runtime import digest

SCRIPTS = Path(digest.__file__).resolve().parents[2]


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A small library and a script that uses one of its modules inside a function."""
    home = tmp_path / "mirage"
    (home / "runtime").mkdir(parents=True)
    for name in ("__init__", "a", "b", "unused", "runtime/__init__", "runtime/job"):
        (home / f"{name}.py").write_text('"""Text."""\nX = 1\n')
    (home / "a.py").write_text('"""Text."""\nfrom mirage.b import X\n')
    script = tmp_path / "script.py"
    script.write_text(
        "from mirage.runtime import job\n\ndef work():\n    from mirage import a\n    return a.X\n"
    )
    monkeypatch.setattr(digest, "PACKAGE", home)
    return home, script


def _digest(script):
    digest._imports.cache_clear()
    digest._logic.cache_clear()
    return digest.code_digest(script)


def test_imports_are_followed_also_inside_functions(package):
    _, script = package
    digest._imports.cache_clear()
    assert digest.modules_of(script) == {"mirage", "mirage.a", "mirage.b"}


@pytest.mark.parametrize(
    ("module", "text", "changes"),
    [
        ("b", '"""Other words."""\n\n# a comment\nX = 1\n', False),
        ("b", '"""Text."""\nX = 2\n', True),
        ("unused", "X = 2\n", False),
        ("runtime/job", "X = 2\n", False),
    ],
)
def test_what_changes_it(package, module, text, changes):
    home, script = package
    before = _digest(script)
    (home / f"{module}.py").write_text(text)
    assert (_digest(script) != before) == changes


def test_only_digests_asked_for_are_computed(package):
    _, script = package
    (script.parent / "other.py").write_text("not python (\n")
    digests = digest.Digests(script.parent)
    assert list(digests) == ["other", "script"]
    assert digests["script"] == _digest(script)  # and "other", which cannot be read, is not
    assert digests.get("absent") is None
    again = pickle.loads(pickle.dumps(digests))  # so it reaches a job
    assert again["script"] == digests["script"]


def test_real_scripts_reach_what_they_use():
    reached = digest.modules_of(SCRIPTS / "optimise_latents.py")
    wanted = {"mirage.attacks.losses", "mirage.imaging", "mirage.priors.stylegan2.synthesis"}
    assert wanted <= reached
    assert not any(name.startswith("mirage.runtime") for name in reached)
    assert "mirage.evaluation.fid" not in reached
