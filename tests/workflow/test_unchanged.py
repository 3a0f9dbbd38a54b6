"""A finished study is not planned again while nothing has changed, and planned whenever it has."""

import os
import subprocess
import sys
import time

import pytest
from projects import ROOT

SNAKEFILE = f"""
import sys
from pathlib import Path

sys.path[:0] = [{str(ROOT / "workflow/scripts")!r}, {str(ROOT / "workflow/cluster")!r}]
import unchanged
from snakemake.dag import DAG

configfile: "config.yaml"

new_job = DAG.new_job

def counted(*given, **named):
    with open("planned", "a") as file:
        file.write("x")
    return new_job(*given, **named)

DAG.new_job = counted
unchanged.plan_only_changes(Path(workflow.basedir), config, [Path("saved")])

onsuccess:
    unchanged.remember(workflow)

rule all:
    input: expand("made/{{i}}", i=[1, 2])
rule start:
    output: "start"
    shell: "touch {{output}}"
rule make:
    input: "start", "given", sorted(map(str, Path("saved").glob("*")))
    output: "made/{{i}}"
    params: config["number"]
    shell: "cat workflow/code.txt > {{output}}"
"""


class Project:
    """A small workflow that counts the jobs it plans."""

    def __init__(self, folder):
        self.folder = folder
        (folder / "workflow").mkdir()
        for name, text in (
            ("Snakefile", SNAKEFILE),
            ("config.yaml", "number: 1\n"),
            ("workflow/code.txt", "code"),
            ("given", "given"),
        ):
            (folder / name).write_text(text)
            self.age(name)

    def age(self, name, seconds=1000):
        then = time.time() - seconds
        os.utime(self.folder / name, (then, then))

    def run(self, *arguments):
        """What Snakemake tells, and how many jobs it thought of."""
        counter = self.folder / "planned"
        counter.unlink(missing_ok=True)
        command = [sys.executable, "-P", "-m", "snakemake", "-c1", *arguments]
        done = subprocess.run(command, cwd=self.folder, capture_output=True, text=True, check=False)
        told = done.stdout + done.stderr
        assert done.returncode == 0, told
        return told, counter.stat().st_size if counter.exists() else 0


class Kept:
    """Every file and folder of a project as it was, inode and time of change included."""

    def __init__(self, project, place):
        self.project, self.place = project.folder, place
        self.bytes, self.times = {}, {}
        for path in sorted(self.project.rglob("*")):
            name = path.relative_to(self.project)
            self.times[name] = path.stat().st_mtime_ns
            if path.is_dir():
                (place / name).mkdir()
            else:
                (place / name).hardlink_to(path)  # holds the inode, whatever becomes of the name
                self.bytes[name] = path.read_bytes()

    def restore(self):
        for path in sorted(self.project.rglob("*"), reverse=True):
            if path.is_file():
                path.unlink()
            elif path.relative_to(self.project) not in self.times:
                path.rmdir()
        for name, content in self.bytes.items():
            (self.place / name).write_bytes(content)
            (self.project / name).hardlink_to(self.place / name)
        for name, then in self.times.items():
            os.utime(self.project / name, ns=(then, then))


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A project after its first run, which takes seconds."""
    project = Project(tmp_path_factory.mktemp("project"))
    assert project.run()[1] > 0
    return project, Kept(project, tmp_path_factory.mktemp("kept"))


@pytest.fixture
def finished(kept):
    project, files = kept
    files.restore()
    return project


def test_the_second_run_plans_nothing(finished):
    for arguments in ((), ("all",)):
        told, planned = finished.run(*arguments)
        assert planned == 0
        assert "Nothing to be done" in told


def _edit(name):
    return lambda project: (project.folder / name).write_text(f"# {name} is another\nnumber: 2\n")


def _touch(name):
    return lambda project: os.utime(project.folder / name)


def _remove(name):
    return lambda project: (project.folder / name).unlink()


def _save(project):
    folder = project.folder / "saved"
    folder.mkdir()
    (folder / "new").write_text("new")


def _forget(project):
    for path in (project.folder / ".snakemake/metadata").iterdir():
        path.unlink()


@pytest.mark.parametrize(
    ("change", "repeated"),
    [
        (_edit("config.yaml"), {"make"}),
        (_edit("given"), {"make"}),
        (_touch("start"), set()),  # its checksum is the same
        (_remove("start"), set()),  # Snakemake's own answer: what was made of it is there
        (_remove("made/2"), {"make"}),
        (_edit("workflow/code.txt"), set()),
        (_touch("made/2"), set()),
        (_forget, set()),
        (_save, {"make"}),
        (_remove(".unchanged.json"), set()),
        (lambda project: (project.folder / ".unchanged.json").write_text("{}"), set()),
        (lambda project: (project.folder / ".unchanged.json").write_text("x"), set()),
    ],
)
def test_after_any_change_snakemake_plans(finished, change, repeated):
    change(finished)
    told, planned = finished.run()
    assert planned > 0
    assert {rule for rule in ("start", "make") if f"rule {rule}:" in told} == repeated


@pytest.mark.parametrize(
    ("arguments", "does"),
    [
        (("-n",), "Nothing to be done"),
        (("--forceall", "-n"), "rule start:"),
        (("--forceall",), "rule start:"),
        (("--forcerun", "make"), "rule make:"),
        (("--force", "made/1"), "rule make:"),
        (("made/1",), "Nothing to be done"),
        (("--config", "number=3"), "rule make:"),
        (("--rerun-triggers", "mtime"), "Nothing to be done"),
        (("--touch", "--forceall"), "rule start:"),
        (("--summary",), "made/1"),
        (("--delete-all-output",), "Deleting made/1"),
    ],
)
def test_whatever_else_is_asked_for_is_planned(finished, arguments, does):
    told, planned = finished.run(*arguments)
    assert planned > 0
    assert does in told


def test_what_was_changed_and_put_back_is_not_planned(finished):
    """All tests before this one began so, though others had changed the project."""
    assert finished.run()[1] == 0


def test_code_that_may_have_changed_while_it_was_read_is_not_noted(tmp_path):
    project = Project(tmp_path)
    project.age("workflow/code.txt", 5)
    project.run()
    assert project.run()[1] > 0


def test_a_run_that_leaves_something_to_do_notes_nothing(tmp_path):
    """Here an input changes at the end."""
    project = Project(tmp_path)
    late = 'onsuccess:\n    Path("given").write_text("more")\n'
    (tmp_path / "Snakefile").write_text(SNAKEFILE.replace("onsuccess:\n", late))
    project.age("Snakefile")
    project.run()
    told, planned = project.run()
    assert planned > 0
    assert "rule make:" in told
