"""The code digest follows logic, not wording."""

import pickle
import shutil
from pathlib import Path

import pytest
from mirage.registry import entries
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


def _digest(script, words=None):
    """The digest of files as they are now."""
    return digest.Library().code_digest(script, words)


def test_imports_are_followed_also_inside_functions(package):
    _, script = package
    assert digest.Library().modules_of(script) == {"mirage", "mirage.a", "mirage.b"}


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
    words = {"ppa", "optimise", "poincare", "stylegan2"}  # of settings, as a job has them
    reached = digest.Library().modules_of(SCRIPTS / "run_stage.py", words)
    wanted = {"mirage.attacks.losses", "mirage.imaging", "mirage.priors.stylegan2.synthesis"}
    assert wanted <= reached
    assert not any(name.startswith("mirage.runtime") for name in reached)
    assert "mirage.evaluation.fid" not in reached


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A copy of the library, and the digest of a real script with settings in it."""
    home = tmp_path / "mirage"
    shutil.copytree(digest.PACKAGE, home, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(digest, "PACKAGE", home)

    def of(script, settings):
        return digest.Digests(SCRIPTS).of(script, settings)

    return home, of


def stage(role, **recipe):
    return {"kind": "ppa", "stage": role, "prior": "stylegan2", "recipe": recipe}


def test_a_stage_reaches_its_own_module_loss_and_prior():
    def reached(role, **recipe):
        words = digest.words_of(stage(role, **recipe))
        return digest.Library().modules_of(SCRIPTS / "run_stage.py", words)

    ppa, losses = "mirage.attacks.kinds.ppa", "mirage.attacks.losses"
    found = {
        role: {name.removeprefix(f"{ppa}.") for name in reached(role) if name.startswith(f"{ppa}.")}
        for role in ("sample", "optimise", "select")
    }
    assert found == {role: {role, "recipe"} for role in found}
    with_loss = reached("optimise", loss="poincare")
    assert {name for name in with_loss if name.startswith(f"{losses}.")} == {f"{losses}.poincare"}
    assert not any(name.startswith(f"{losses}.") for name in reached("select"))
    assert "mirage.priors.kinds.stylegan2" in with_loss


KINDS = [
    ("run_stage", stage("optimise", loss="poincare"), stage("optimise", loss="cross_entropy"),
     "attacks/losses/poincare.py"),
    ("run_stage", stage("select"), stage("sample"), "attacks/kinds/ppa/select.py"),
    ("prepare_store", [{"reader": "folders"}], [{"reader": "celeba64-public"}],
     "data/readers/folders.py"),
    ("train_target", [{"part": "ls"}, {"part": "stop"}], [{"part": "ls"}],
     "targets/treatments/stop.py"),
    ("train_prior", {"kind": "wgan"}, {"kind": "stylegan2"}, "priors/trainers/wgan.py"),
    ("train_target_prior", {"kind": "ked"}, {"kind": "plg"}, "priors/trainers/ked.py"),
    ("embed_attack", {"prior": "wgan"}, {"prior": "stylegan2"}, "priors/kinds/wgan.py"),
    ("measure_attack", ["knowledge"], ["another"], "evaluation/measures/knowledge/__init__.py"),
    ("make_table", ["table1"], ["table2"], "paper/items/table1.py"),
    ("draw_figure", ["figure1"], ["figure8"], "paper/items/figure1.py"),
]  # fmt: skip


@pytest.mark.parametrize(("script", "one", "other", "module"), KINDS)
def test_a_digest_follows_what_the_settings_name(library, script, one, other, module):
    home, of = library
    before = of(script, one), of(script, other)
    assert before[0] != before[1]
    (home / module).write_text((home / module).read_text() + "\nCHANGED = 1\n")
    after = of(script, one), of(script, other)
    assert after[0] != before[0]
    assert after[1] == before[1]


@pytest.mark.parametrize(("script", "one", "other", "module"), KINDS)
def test_a_new_entry_changes_no_digest_but_its_own(library, script, one, other, module):
    home, of = library
    before = of(script, one), of(script, other), of(script, [one, "brand-new"])
    whole = _digest(SCRIPTS / f"{script}.py")
    entry = (home / module).parent if module.endswith("__init__.py") else home / module
    entry.with_name("brand_new.py").write_text("loss = READER = None\n")
    after = of(script, one), of(script, other), of(script, [one, "brand-new"])
    assert after[:2] == before[:2]
    assert after[2] != before[2]
    assert _digest(SCRIPTS / f"{script}.py") != whole  # what the report is held to


def test_a_new_kind_of_attack_changes_no_digest_but_its_own(library):
    home, of = library
    before = of("run_stage", stage("optimise")), of("run_stage", {"kind": "other"})
    other = home / "attacks/kinds/other"
    other.mkdir()
    (other / "__init__.py").write_text("KIND = None\n")
    after = of("run_stage", stage("optimise")), of("run_stage", {"kind": "other"})
    assert after[0] == before[0]
    assert after[1] != before[1]
    assert "other" in entries(home / "attacks/kinds")


def test_a_table_is_made_by_its_own_item_alone():
    reached = digest.Library().modules_of(
        SCRIPTS / "make_table.py", digest.words_of(["table1", {"x": "y"}])
    )
    items = {name for name in reached if name.startswith("mirage.paper.items")}
    assert items == {"mirage.paper.items", "mirage.paper.items.table1"}
    assert "mirage.paper.drawing" not in reached


def test_words_of_nested_settings():
    settings = {"a": "one", "b": [2, ("three", {"c": "four"})], "d": None}
    assert digest.words_of(settings) == {"one", "three", "four"}
