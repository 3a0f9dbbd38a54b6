"""The workflow's own sbatch: patient with SLURM, and aware of jobs for the same work."""

import os
import subprocess
import time
from pathlib import Path

import pytest

SBATCH = Path(__file__).resolve().parents[2] / "workflow/cluster/sbatch"
CALL = ["--parsable", "--comment", "rule_x_wildcards_a b", "-p", "gpu", "-D", "/home/study"]


@pytest.fixture
def slurm(tmp_path):
    """An sbatch and a squeue that do as told; ``submit`` calls ours in front of them."""

    class Slurm:
        folder = tmp_path

        def program(self, name, text):
            path = tmp_path / name
            path.write_text(f"#!/bin/sh\n{text}\n")
            path.chmod(0o755)

        def submit(self, *arguments, patience_s=30):
            path = f"{SBATCH.parent}:{tmp_path}:{os.environ['PATH']}"
            environment = {"PATH": path, "MIRAGE_SUBMIT_S": str(patience_s)}
            environment["MIRAGE_SUBMIT_PAUSE_S"] = "0.1"
            command = ["sbatch", *(arguments or CALL), "--wrap=python x"]
            return subprocess.run(command, env=environment, capture_output=True, text=True)

    slurm = Slurm()
    slurm.program("squeue", "true")
    slurm.program("sbatch", f'for word; do echo "$word"; done >{tmp_path}/call; echo 17')
    return slurm


def test_arguments_pass_unchanged(slurm):
    done = slurm.submit()
    assert (done.returncode, done.stdout) == (0, "17\n")
    assert (slurm.folder / "call").read_text().splitlines() == [*CALL, "--wrap=python x"]


def test_a_job_waits_for_earlier_ones_of_the_same_work(slurm):
    lines = [
        "11|/home/study|rule_x_wildcards_a b",
        "12|/home/other|rule_x_wildcards_a b",
        "13|/home/study|rule_x_wildcards_a b c",
        "14|/home/study|rule_x_wildcards_a b",
    ]
    slurm.program("squeue", "\n".join(f"echo '{line}'" for line in lines))
    assert slurm.submit().returncode == 0
    first, *rest = (slurm.folder / "call").read_text().splitlines()
    assert first == "--dependency=afterany:11:14"
    assert rest[: len(CALL)] == CALL


@pytest.mark.parametrize(
    "message",
    [
        "Unable to contact slurm controller (connect failure)",
        "Batch job submission failed: Socket timed out on send/recv operation",
        "Slurm temporarily unable to accept job, sleeping and retrying",
        "Job violates accounting/QOS policy (job submit limit, user's size)",
    ],
)
def test_a_passing_trouble_is_waited_for(slurm, message):
    began = f"{slurm.folder}/began"
    slurm.program(
        "sbatch",
        f"[ -e {began} ] && echo 17 && exit\ntouch {began}\n"
        f'echo "sbatch: error: {message}" >&2\nexit 1',
    )
    done = slurm.submit()
    assert (done.returncode, done.stdout, done.stderr) == (0, "17\n", "")
    Path(began).unlink()
    done = slurm.submit(patience_s=0)
    assert done.returncode == 1
    assert message in done.stderr


def test_a_wrong_request_fails_at_once(slurm):
    slurm.program("sbatch", "echo 'sbatch: error: invalid partition specified: nope' >&2; exit 3")
    began = time.monotonic()
    done = slurm.submit()
    assert done.returncode == 3
    assert "invalid partition" in done.stderr
    assert time.monotonic() - began < 4


def test_the_configuration_is_remembered_while_slurm_is_away(slurm):
    (slurm.folder / ".snakemake").mkdir()

    def ask(*words):
        path = f"{SBATCH.parent}:{slurm.folder}:{os.environ['PATH']}"
        return subprocess.run(
            ["scontrol", *words],
            env={"PATH": path},
            cwd=slurm.folder,
            capture_output=True,
            text=True,
        )

    slurm.program("scontrol", "echo MinJobAge = 300 sec")
    assert ask("show", "config").stdout == "MinJobAge = 300 sec\n"
    slurm.program("scontrol", "echo unable to contact >&2; exit 1")
    assert ask("show", "config").stdout == "MinJobAge = 300 sec\n"
    assert ask("show", "node").returncode == 1
