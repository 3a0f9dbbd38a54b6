"""What a plan asks for every job, and what it asks once."""

import subprocess
import sys

import pytest
from projects import ROOT

JOBS = 25
HEAD = f"""
import sys
sys.path.insert(0, {str(ROOT / "workflow/cluster")!r})
import repeating

repeating.ask_once()
"""
SCRIPTS = f"""
import inspect
from snakemake.sourcecache import SourceCache

def counted(what, function):
    def call(*given, **named):
        with open(what, "a") as file:
            file.write("x")
        return function(*given, **named)
    return call

SourceCache.open = counted("looks", SourceCache.open)

def minutes(wildcards, attempt):
    return 5 * attempt

inspect.signature = counted("signatures", inspect.signature)

rule all:
    input: [f"made/{{i}}" for i in range({JOBS})]
rule make:
    output: "made/{{i}}"
    resources: runtime=repeating.takes(minutes, "wildcards", "attempt")
    script: "make.py"
"""
NESTED = """
rule all:
    input: "made", "made/inside"
rule folder:
    output: directory("made")
    shell: "mkdir {output}"
rule file:
    output: "made/inside"
    shell: "touch {output}"
"""


@pytest.fixture
def plan(tmp_path):
    def run(snakefile):
        (tmp_path / "Snakefile").write_text(snakefile)
        command = [sys.executable, "-P", "-m", "snakemake", "-n", "-c1"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        return done.returncode, done.stdout + done.stderr

    return run


def test_a_script_is_looked_at_once_and_no_signature_for_every_job(plan, tmp_path):
    (tmp_path / "make.py").touch()
    assert plan(HEAD + SCRIPTS)[0] == 0
    assert (tmp_path / "looks").stat().st_size < 5
    # Snakemake's own default for the folder of temporary files is a function it looks at.
    assert (tmp_path / "signatures").stat().st_size < 2 * JOBS


def test_a_missing_script_is_told(plan):
    status, told = plan(HEAD + SCRIPTS)
    assert status != 0
    assert "make.py" in told


def test_a_file_inside_a_folder_of_another_job_is_told(plan):
    status, told = plan(HEAD + NESTED)
    assert status != 0
    assert "ChildIOException" in told
