"""The workflow's own sbatch: patient with SLURM, and aware of jobs for the same work."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

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


WORK = "/home/study|rule_x_wildcards_a b"


def _queue(slurm, *lines):
    """Have the queue hold these jobs."""
    slurm.program("squeue", "\n".join(f"echo '{line}'" for line in lines))


def _dependency(slurm):
    """What the new job was told to wait for."""
    first, *rest = (slurm.folder / "call").read_text().splitlines()
    return first.removeprefix("--dependency=afterany:") if rest[: len(CALL)] == CALL else ""


def test_a_job_waits_for_earlier_ones_of_the_same_work(slurm):
    _queue(
        slurm,
        f"11|RUNNING|None|{WORK}",
        "12|RUNNING|None|/home/other|rule_x_wildcards_a b",
        f"13|RUNNING|None|{WORK} c",
        f"14|PENDING|Dependency|{WORK}",
        f"15|PENDING|ReqNodeNotAvail, UnavailableNodes:gpu[1-2]|{WORK}",
    )
    done = slurm.submit()
    assert (done.returncode, done.stdout) == (0, "17\n")
    assert _dependency(slurm) == "11:14:15"
    assert done.stderr == (
        "rule_x_wildcards_a b: to start after earlier jobs for the same work: 11 (RUNNING, None), "
        "14 (PENDING, Dependency), 15 (PENDING, ReqNodeNotAvail, UnavailableNodes:gpu[1-2])\n"
    )


@pytest.mark.parametrize(
    "reason",
    [
        "PartitionTimeLimit", "PartitionNodeLimit", "BadConstraints", "JobHeldUser", "JobHeldAdmin",
        "JobHoldMaxRequeue", "launch failure limit exceeded requeued held", "InvalidQOS",
        "InvalidAccount", "QOSNotAllowed", "DependencyNeverSatisfied", "QOSMinGRES",
        "QOSMaxWallDurationPerJobLimit", "AssocMaxGRESPerJob", "QOSMaxMemoryPerNode",
    ],
)  # fmt: skip
def test_a_job_does_not_wait_for_one_that_can_never_start(slurm, reason):
    _queue(slurm, f"11|PENDING|{reason}|{WORK}")
    done = slurm.submit()
    assert (done.returncode, done.stdout) == (0, "17\n")
    assert _dependency(slurm) == ""
    assert done.stderr == (
        "rule_x_wildcards_a b: not waiting for jobs for the same work that cannot start: "
        f"11 (PENDING, {reason})\n"
    )


@pytest.mark.parametrize(
    "reason",
    ["None", "Priority", "Resources", "QOSMaxGRESPerUser", "QOSMaxJobsPerUserLimit", "BeginTime"],
)
def test_a_job_waits_for_one_that_may_still_start(slurm, reason):
    _queue(slurm, f"11|PENDING|{reason}|{WORK}")
    slurm.submit()
    assert _dependency(slurm) == "11"


def test_a_chain_that_hangs_on_a_job_that_can_never_start_is_not_made_longer(slurm):
    _queue(
        slurm,
        f"11|PENDING|PartitionTimeLimit|{WORK}",
        f"12|PENDING|Dependency|{WORK}",
        f"13|RUNNING|None|{WORK}",
    )
    done = slurm.submit()
    assert _dependency(slurm) == "13"
    stuck, waited = done.stderr.splitlines()
    assert stuck.endswith("start: 11 (PENDING, PartitionTimeLimit), 12 (PENDING, Dependency)")
    assert waited.endswith("same work: 13 (RUNNING, None)")


# What SLURM says of every limit of a QOS or an association, below the limit's name.
POLICY = (
    "Batch job submission failed: Job violates accounting/QOS policy "
    "(job submit limit, user's size and/or time limits)"
)


def _refuse(slurm, *lines, once=False):
    """Have SLURM refuse in these words; ``once``: the first time only."""
    began = slurm.folder / "began"
    told = "\n".join(f'echo "sbatch: error: {line}" >&2' for line in lines)
    again = f"[ -e {began} ] && echo 17 && exit\ntouch {began}\n" if once else ""
    slurm.program("sbatch", f"{again}{told}\nexit 1")


@pytest.mark.parametrize(
    "lines",
    [
        ["Batch job submission failed: Unable to contact slurm controller (connect failure)"],
        ["Batch job submission failed: Socket timed out on send/recv operation"],
        ["Batch job submission failed: Slurm backup controller in standby mode"],
        ["Slurm temporarily unable to accept job, sleeping and retrying"],
        [POLICY],  # as SLURM said it before it named the limit
        ["QOSMaxSubmitJobPerUserLimit", POLICY],
        ["QOSMaxJobsPerUserLimit", POLICY],
        ["QOSGrpSubmitJobsLimit", POLICY],
        ["AssocMaxSubmitJobLimit", POLICY],
        ["MaxSubmitJobsPerAccount", POLICY],
    ],
    ids=lambda lines: lines[0][:40],
)
def test_a_passing_trouble_is_waited_for(slurm, lines):
    _refuse(slurm, *lines, once=True)
    done = slurm.submit()
    assert (done.returncode, done.stdout) == (0, "17\n")
    [told] = done.stderr.splitlines()
    assert told.startswith("rule_x_wildcards_a b: not submitted yet, trying again for up to 30 s: ")
    reason = "; ".join(lines).replace("Batch job submission failed: ", "")
    assert told.endswith(f": {reason}")
    assert "submission failed" not in told  # else the plugin would take the job for lost
    _refuse(slurm, *lines)
    done = slurm.submit(patience_s=0)
    assert done.returncode == 1
    assert lines[-1] in done.stderr


@pytest.mark.parametrize(
    "limit",
    [
        "QOSMaxWallDurationPerJobLimit", "AssocMaxWallDurationPerJobLimit", "QOSMaxCpuPerJobLimit",
        "QOSMaxGRESPerJob", "QOSMaxMemoryPerNode", "QOSMinGRES", "QOSMinCpuNotSatisfied",
        # On submission these too speak of one job, which alone exceeds the user's or group's limit.
        "QOSMaxGRESPerUser", "AssocGrpCPUMinutesLimit", "MaxGRESPerAccount",
    ],
)  # fmt: skip
def test_a_job_that_no_limit_will_ever_admit_fails_at_once(slurm, limit):
    _refuse(slurm, limit, POLICY)
    began = time.monotonic()
    done = slurm.submit()
    assert done.returncode == 1
    assert done.stderr == f"sbatch: error: {limit}\nsbatch: error: {POLICY}\n"
    assert time.monotonic() - began < 4


def test_what_is_waited_for_is_told_at_once_where_the_controller_runs(slurm):
    """The plugin keeps the program's output to itself; the controller's own stderr has it."""
    _refuse(slurm, "QOSMaxSubmitJobPerUserLimit", POLICY)
    cluster = SBATCH.parent
    # The output of this sbatch is never read, as while the plugin waits for its end.
    controller = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import recovery, subprocess; recovery.submit_with_patience()\n"
            "quiet = dict(stdout=subprocess.PIPE, stderr=subprocess.PIPE)\n"
            "subprocess.Popen('sbatch --comment rule_x', shell=True, **quiet).communicate()",
        ],
        env={
            "PATH": f"{slurm.folder}:{os.environ['PATH']}",
            "PYTHONPATH": f"{cluster}:{cluster.parent / 'scripts'}",
            "MIRAGE_SUBMIT_S": "60",
            "MIRAGE_SUBMIT_PAUSE_S": "0.1",
        },
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        told = controller.stderr.readline()
        assert controller.poll() is None
    finally:
        slurm.program("sbatch", "echo 17")  # lets it end
        rest = controller.communicate(timeout=30)[1]
    assert told.startswith("rule_x: not submitted yet, trying again for up to 60 s: QOSMaxSubmit")
    assert (controller.returncode, rest) == (0, "")


def test_a_wrong_request_fails_at_once(slurm):
    slurm.program("sbatch", "echo 'sbatch: error: invalid partition specified: nope' >&2; exit 3")
    began = time.monotonic()
    done = slurm.submit()
    assert done.returncode == 3
    assert "invalid partition" in done.stderr
    assert time.monotonic() - began < 4


def test_the_profile_has_jobs_warned_and_their_logs_kept():
    profile = yaml.safe_load((SBATCH.parents[2] / "profiles/slurm/config.yaml").read_text())
    told = profile["default-resources"]["slurm_extra"].split()
    # To the job's processes two minutes before the limit, not B: to the shell around them alone.
    assert "--signal=TERM@120" in told
    assert "--open-mode=append" in told
    # A rule's own would replace it.
    assert not any("slurm_extra" in asked for asked in profile["set-resources"].values())
