"""--sdm conda and --sdm apptainer with stand-ins for both programs, since neither is at hand.

The stand-ins record how Snakemake calls them and run the jobs in an environment that holds the
packages of envs/mirage.yaml and no others: no Snakemake and no mirage.
"""

import ast
import re
import sys
from importlib import metadata
from pathlib import Path

import pytest
import yaml
from projects import ROOT

TARGET = "data/orl/views/square16.safetensors"
LOCK = (ROOT / "envs/requirements.lock").read_text()


def _conda_packages():
    """Package -> version of the environment file's pip section, names as pip compares them."""
    listed = yaml.safe_load((ROOT / "envs/mirage.yaml").read_text())["dependencies"][-1]["pip"]
    pattern = re.compile(r"([a-z0-9.-]+)==(\S+) --hash=sha256:[0-9a-f]{64}")
    return dict(pattern.fullmatch(line).groups() for line in listed)


def _locked():
    """Package -> (version, checksums) of requirements.lock."""
    blocks = re.findall(
        r"^(\S+?)(?:\[\S+\])?==(\S+)(.*?)(?=^\S|\Z)", LOCK, re.MULTILINE | re.DOTALL
    )
    return {
        name: (version, set(re.findall(r"sha256:([0-9a-f]{64})", rest)))
        for name, version, rest in blocks
    }


def test_both_locks_name_the_same_files():
    locked = _locked()
    listed = (ROOT / "envs/mirage.yaml").read_text()
    assert len(_conda_packages()) > 40
    for name, version in _conda_packages().items():
        digest = re.search(rf"- {re.escape(name)}==\S+ --hash=sha256:(\w+)", listed)[1]
        assert locked[name][0] == version
        assert digest in locked[name][1]


def test_every_locked_package_has_a_checksum():
    assert all(digests for _, digests in _locked().values())


def test_the_locks_hold_what_is_asked_for():
    """Every line of both .in files, and the versions these tests run with."""
    locked = _locked()
    for source, found in (("requirements.in", locked), ("mirage.in", _conda_packages())):
        for line in (ROOT / "envs" / source).read_text().splitlines():
            name = re.match(r"[A-Za-z0-9-]*", line)[0].lower()
            if name and not line.startswith("-"):
                assert name in found, (source, name)
    assert locked["torch"][0] == metadata.version("torch")


def test_jobs_import_nothing_that_their_environment_lacks():
    imported = set()
    for path in (ROOT / "workflow/scripts").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.level == 0:
                imported.add(node.module.split(".")[0])
    outside = imported - set(sys.stdlib_module_names) - {"mirage", "snakemake"}
    owners = metadata.packages_distributions()
    names = {owners[module][0].lower().replace("_", "-") for module in outside}
    assert {"torch", "numpy"} <= names
    assert names <= set(_conda_packages())


@pytest.fixture
def environment(tmp_path):
    """A folder like an environment's: bin/python, with the packages of mirage.yaml only.

    Each start of its python leaves a line in ``started``.
    """
    site = tmp_path / "site"
    site.mkdir()
    for name in _conda_packages():
        for file in metadata.files(name):
            own = site / file.parts[0]
            if file.parts[0] not in ("..", "__pycache__") and not own.exists():
                own.symlink_to(Path(str(file.locate())[: -len(str(file))]) / file.parts[0])
    made = tmp_path / "environment"
    (made / "bin").mkdir(parents=True)
    (made / "bin/python").symlink_to(Path(sys.executable).resolve())
    packages = made / f"lib/python3.{sys.version_info.minor}/site-packages"
    packages.mkdir(parents=True)
    (packages / "only.pth").write_text(f"{site}\n")
    (made / "pyvenv.cfg").write_text(f"home = {Path(sys.executable).resolve().parent}\n")
    (site / "sitecustomize.py").write_text(
        "import sys\n"
        f"with open({str(tmp_path / 'started')!r}, 'a') as file:\n"
        "    print(sys.executable, *sys.argv, file=file)\n"
    )
    return made


def _program(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)


CONDA = """\
#!/bin/sh
echo "conda $*" >> {calls}
case "$1 $2" in
    "info --json") echo '{{"conda_prefix": "{prefix}", "platform": "linux-64"}}';;
    "--version "*) echo "conda 25.5.1";;
    "clean -y") ;;
    "config --get") echo '{{"get": {{"channel_priority": "strict"}}}}';;
    "env create")
        for word; do
            case "$before" in
                --file) cp "$word" {prefix}/given.yaml;;
                --prefix) ln -s {environment} "$word";;
            esac
            before="$word"
        done;;
    *) exit 9;;
esac
"""


def test_conda(checkout, tmp_path, environment, monkeypatch):
    calls = tmp_path / "calls"
    prefix = tmp_path / "conda"
    _program(
        prefix / "bin/conda", CONDA.format(calls=calls, prefix=prefix, environment=environment)
    )
    _program(prefix / "bin/activate", 'export PATH="$1/bin:$PATH" CONDA_PREFIX="$1"\n')
    monkeypatch.setenv("PATH", f"{prefix}/bin:{Path(sys.executable).parent}:/usr/bin:/bin")
    checkout.snakemake(TARGET, "--sdm", "conda", "--cores", "2")
    assert calls.read_text().count("conda env create") == 1  # one environment for all rules
    assert (prefix / "given.yaml").read_text() == (ROOT / "envs/mirage.yaml").read_text()
    assert ".prepare_view.py" in (tmp_path / "started").read_text()
    assert (checkout.results / TARGET).exists()


APPTAINER = """\
#!{python}
import os, sys
words = sys.argv[1:]
with open({calls!r}, "a") as file:
    print(*words, file=file)
if words == ["--version"]:
    sys.exit(print("apptainer version 1.4.1"))
mounted = [word.split(":")[0] for word in words if ":/mnt/snakemake_searchpaths" in word]
with open({packages!r} + "/mounted.pth", "w") as file:
    print(*mounted, sep="\\n", file=file)
os.environ["PATH"] = {programs!r} + ":/usr/bin:/bin"
os.environ["MIRAGE_WARM"] = "0"
os.execvp(words[-3], words[-3:])  # shell -c command
"""


def test_apptainer(checkout, tmp_path, environment, monkeypatch):
    calls = tmp_path / "calls"
    program = tmp_path / "programs/apptainer"
    _program(
        program,
        APPTAINER.format(
            python=Path(sys.executable).resolve(),
            calls=str(calls),
            packages=str(next(environment.glob("lib/*/site-packages"))),
            programs=str(environment / "bin"),
        ),
    )
    image = checkout.folder / "envs/mirage.sif"
    image.touch()
    monkeypatch.setenv("PATH", f"{program.parent}:{Path(sys.executable).parent}:/usr/bin:/bin")
    checkout.snakemake(
        TARGET, "--sdm", "apptainer", "--config", "container=envs/mirage.sif",
        "--apptainer-args", f"--nv --bind {checkout.folder}", "--cores", "2",
    )  # fmt: skip
    run = next(line for line in calls.read_text().splitlines() if line.startswith("exec"))
    assert f" {image} " in run
    assert f"--nv --bind {checkout.folder} " in run
    assert ".prepare_view.py" in (tmp_path / "started").read_text()
    assert (checkout.results / TARGET).exists()
