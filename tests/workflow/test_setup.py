"""envs/setup.sh with small wheels of our own in place of an index."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile

import pytest
from projects import ROOT

WORKS = "import thing; print(thing.VERSION)"


def _wheel(folder, version, body="", tag="py3-none-any"):
    """A wheel of the package ``thing``; its name and its sha256."""
    name, info = f"thing-{version}-{tag}.whl", f"thing-{version}.dist-info"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        wheel.writestr("thing.py", f"VERSION = {version!r}\n{body}")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: thing\nVersion: {version}\n"
        )
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: {tag}\n")
        wheel.writestr(f"{info}/entry_points.txt", "[console_scripts]\nthing = thing:main\n")
        wheel.writestr(f"{info}/RECORD", "")
    return hashlib.sha256((folder / name).read_bytes()).hexdigest()


class Project:
    """The files set-up needs, and an index that is a folder."""

    def __init__(self, folder):
        self.folder, self.index = folder, folder.parent / "index"
        self.index.mkdir()
        (folder / "envs").mkdir()
        shutil.copy(ROOT / "envs/setup.sh", folder / "envs")
        package = folder / "workflow/scripts/mirage"
        package.mkdir(parents=True)
        for name in ("__init__.py", "checkout.py", "errors.py", "visible.py"):
            shutil.copy(ROOT / "workflow/scripts/mirage" / name, package)
        self.ranges("thing\n")

    def lock(self, version, digest):
        (self.folder / "envs/requirements.lock").write_text(
            f"thing=={version} --hash=sha256:{digest}\n"
        )

    def ranges(self, text):
        (self.folder / "envs/requirements.in").write_text(text)

    def start(self, **more):
        environment = {**os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.index), **more}
        environment.pop("PYTHONPATH", None)
        return subprocess.Popen(
            ["bash", "envs/setup.sh"], cwd=self.folder, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip

    def set_up(self, **more):
        run = self.start(**more)
        told, _ = run.communicate(timeout=300)
        return run.returncode, told

    @property
    def version(self):
        """What the environment holds; its own script and Python name themselves rightly."""
        python = self.folder / ".venv/bin/python"
        script = (self.folder / ".venv/bin/thing").read_text()
        assert str(python) in script
        assert ".venv.new" not in script
        done = subprocess.run([python, "-c", WORKS], check=True, capture_output=True, text=True)
        return done.stdout.strip()

    @property
    def left(self):
        return sorted(path.name for path in self.folder.glob(".venv*"))


@pytest.fixture
def project(tmp_path):
    folder = tmp_path / "a checkout's place"
    folder.mkdir()
    return Project(folder)


@pytest.fixture
def ready(project):
    project.lock("1.0", _wheel(project.index, "1.0"))
    assert project.set_up()[0] == 0
    assert project.version == "1.0"
    assert project.left == [".venv"]
    return project


def test_the_lock_is_followed_and_the_new_replaces_the_old(ready):
    assert (ready.folder / ".venv/.ready").exists()
    _wheel(ready.index, "3.0")
    ready.lock("2.0", _wheel(ready.index, "2.0"))
    code, told = ready.set_up()
    assert code == 0, told
    assert (ready.version, ready.left) == ("2.0", [".venv"])


def test_a_wrong_checksum_stops_and_leaves_what_works(ready):
    _wheel(ready.index, "2.0")
    ready.lock("2.0", "0" * 64)
    code, told = ready.set_up()
    assert code != 0
    assert "is not the one that was locked" in told
    assert "newest fitting" not in told
    assert ready.version == "1.0"


def test_no_network_stops_and_leaves_what_works(ready):
    ready.lock("2.0", "0" * 64)
    code, told = ready.set_up(
        PIP_NO_INDEX="0", PIP_INDEX_URL="http://127.0.0.1:9/simple", PIP_RETRIES="1",
        PIP_TIMEOUT="1", PIP_CONFIG_FILE=os.devnull, PIP_EXTRA_INDEX_URL="",
    )  # fmt: skip
    assert code != 0
    assert "could not be fetched" in told
    assert "newest fitting" not in told
    assert ready.version == "1.0"


def test_ranges_stand_in_where_the_lock_has_no_file_for_the_platform(project):
    digest = _wheel(project.index, "2.0", tag="py3-none-win32")
    _wheel(project.index, "1.5")
    project.lock("2.0", digest)
    code, told = project.set_up()
    assert code == 0, told
    assert "no files for this platform" in told
    assert project.version == "1.5"


def test_a_link_is_left_alone(project, tmp_path):
    project.lock("1.0", _wheel(project.index, "1.0"))
    (tmp_path / "theirs/bin").mkdir(parents=True)
    (project.folder / ".venv").symlink_to(tmp_path / "theirs")
    code, told = project.set_up()
    assert code != 0
    assert ".venv is a link" in told
    (tmp_path / "theirs/bin/python").symlink_to(sys.executable)
    (tmp_path / "theirs/bin/python").unlink()
    (tmp_path / "theirs/bin/python").write_text(f'#!/bin/sh\nexec "{sys.executable}" "$@"\n')
    (tmp_path / "theirs/bin/python").chmod(0o755)
    code, told = project.set_up()
    assert code == 0, told
    assert "used as it is" in told
    assert [path.name for path in (tmp_path / "theirs").rglob("*")] == ["bin", "python"]


def test_braces_are_refused_before_anything(tmp_path):
    folder = tmp_path / "{a}"
    folder.mkdir()
    code, told = Project(folder).set_up()
    assert code != 0
    assert "braces" in told
    assert list(folder.glob(".venv*")) == []


@pytest.mark.parametrize("moment", [1.0, 4.0])
def test_killed_at_any_moment_an_environment_is_left(ready, moment):
    ready.lock("2.0", _wheel(ready.index, "2.0"))
    run = ready.start()
    time.sleep(moment)
    os.killpg(run.pid, signal.SIGKILL)
    run.communicate()
    assert ready.version in ("1.0", "2.0")
    assert ready.set_up()[0] == 0
    assert (ready.version, ready.left) == ("2.0", [".venv"])


def test_killed_between_the_renamings(ready):
    (ready.folder / ".venv").rename(ready.folder / ".venv.old")
    _wheel(ready.index, "2.0")
    ready.lock("2.0", "0" * 64)
    assert ready.set_up()[0] != 0
    assert ready.version == "1.0"
