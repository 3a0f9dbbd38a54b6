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
MAIN = "def main(): print(VERSION)\n"


def _wheel(folder, version, tag="py3-none-any", package="thing"):
    """A wheel of a package with the module ``thing``; its sha256."""
    name, info = f"{package}-{version}-{tag}.whl", f"{package}-{version}.dist-info"
    with zipfile.ZipFile(folder / name, "w") as wheel:
        wheel.writestr("thing.py", f"VERSION = {version!r}\n{MAIN}")
        wheel.writestr(
            f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {package}\nVersion: {version}\n"
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
        for name in ("setup.sh", "like_pip.py"):
            shutil.copy(ROOT / "envs" / name, folder / "envs")
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
        environment = {
            **os.environ, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(self.index),
            "UV_CACHE_DIR": str(self.folder.parent / "cache"), **more,
        }  # fmt: skip
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
        """What the environment holds, by its Python and by a script in it."""
        folder = self.folder / ".venv/bin"
        assert ".venv.new" not in (folder / "thing").read_text()
        found = {
            subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()
            for command in ([folder / "python", "-c", WORKS], [folder / "thing"])
        }
        assert len(found) == 1
        return found.pop()

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


def _without_uv(folder):
    """A search path whose uv always fails."""
    (folder / "bin").mkdir()
    (folder / "bin/uv").write_text("#!/bin/sh\necho no such thing\nexit 2\n")
    (folder / "bin/uv").chmod(0o755)
    return {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}


@pytest.mark.parametrize("installer", ["uv", "pip"])
def test_the_lock_is_followed_and_the_new_replaces_the_old(ready, tmp_path, installer):
    if installer == "uv" and not shutil.which("uv"):
        pytest.skip("uv is not installed here")
    assert (ready.folder / ".venv/.ready").exists()
    _wheel(ready.index, "3.0")
    ready.lock("2.0", _wheel(ready.index, "2.0"))
    only = _without_uv(tmp_path) if installer == "pip" else {}
    code, told = ready.set_up(**only, PYTHONDONTWRITEBYTECODE="1")
    assert code == 0, told
    assert list((ready.folder / ".venv").rglob("__pycache__/thing.*.pyc"))
    assert ("no such thing" in told, "pip goes on" in told) == 2 * (installer == "pip",)
    assert (ready.version, ready.left) == ("2.0", [".venv"])


def test_pytorch_comes_from_the_index_that_is_named(project, tmp_path):
    """Its builds without CUDA have the version's name and checksums of their own."""
    theirs = tmp_path / "theirs"
    (theirs / "torch").mkdir(parents=True)
    _wheel(theirs / "torch", "1.0+cpu", package="torch")
    (theirs / "torch/index.html").write_text(
        '<a href="torch-1.0+cpu-py3-none-any.whl">torch-1.0+cpu-py3-none-any.whl</a>'
    )
    project.lock("1.0", _wheel(project.index, "1.0"))
    with (project.folder / "envs/requirements.lock").open("a") as lock:
        lock.write(f"torch==1.0 \\\n    --hash=sha256:{'0' * 64}\n")
        lock.write(f"nvidia-cuda==1.0 \\\n    --hash=sha256:{'0' * 64}\n")
    code, told = project.set_up(MIRAGE_TORCH_INDEX=theirs.as_uri(), PIP_NO_INDEX="0")
    assert code == 0, told
    assert "no checksum of ours" in told
    found = (project.folder / ".venv").rglob("*.dist-info")
    assert {"thing-1.0", "torch-1.0+cpu"} <= {path.stem for path in found}
    assert not list((project.folder / ".venv").rglob("nvidia*"))


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ([], []),
        (
            ["global.index-url='https://a'", ":env:.index-url='https://b'"],
            ["--index-url=https://b"],
        ),
        (
            ["global.extra-index-url='file:///x file:///y'"],
            ["--extra-index-url=file:///x", "--extra-index-url=file:///y"],
        ),
        (["install.no-index='true'", "global.find-links='/w'"], ["--find-links=/w", "--no-index"]),
        ([":env:.no-index='0'", "global.timeout='7'", "download.no-index='1'"], []),
    ],
)
def test_uv_is_sent_where_pip_looks(settings, expected):
    done = subprocess.run(
        [sys.executable, "-P", ROOT / "envs/like_pip.py"],
        input="".join(f"{line}\n" for line in settings),
        text=True, capture_output=True, check=True,
    )  # fmt: skip
    assert done.stdout.split() == expected


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
