"""Failures on a real SLURM: each drill ends with the bytes of an undisturbed run.

Two chunks of an attack run as GPU jobs; they are disturbed, and the merged result must not show it.
"""

import os
import signal
import tempfile
import time

import pytest
import yaml
from cluster import Cluster
from drilling import CHUNKS, Drill, undisturbed, until
from packages import UnavailableError

FIRST, SECOND = CHUNKS
LONGEST_MIN = 60


@pytest.fixture(scope="module")
def fragile():
    """A cluster of these drills' own, since nodes and daemons die in it."""
    with tempfile.TemporaryDirectory(prefix="mirage-", dir="/tmp") as folder:
        try:
            own = Cluster.up(
                f"{folder}/c", cpu_nodes=0, min_job_age=3600, max_time=LONGEST_MIN, urgent=True
            )
        except UnavailableError as reason:
            pytest.skip(f"no SLURM: {reason}")
        with own:
            yield own


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return undisturbed(tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture
def drill(tmp_path, fragile, base):
    drill = Drill(tmp_path, fragile, base)
    yield drill
    drill.end()


def _program(folder, name, text):
    """A program that stands before SLURM's own of that name."""
    path = folder / "bin" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path.parent)


def test_a_job_killed_and_a_job_cancelled(drill):
    run = drill.start()
    with drill.watching():
        drill.under_way(*CHUNKS)
        os.kill(drill.holder(FIRST), signal.SIGKILL)
        [cancelled] = drill.jobs(SECOND)
        drill.cluster.run("scancel", str(cancelled.id))
        drill.finish(run)
    assert [job.state for job in drill.jobs(FIRST)] == ["FAILED", "COMPLETED"]
    assert [job.state for job in drill.jobs(SECOND)] == ["CANCELLED", "COMPLETED"]
    assert "resuming from" in drill.log(FIRST)
    drill.watch_resumption(SECOND)  # scancel warns first, so nothing at all is lost


def test_the_time_limit(drill):
    """SLURM's warning comes before the limit; the state is saved, the next attempt goes on."""
    path, folder = drill.cluster.variables["PATH"], drill.checkout.folder
    noting = f"""printf '%s\\n' "$@" >>{folder}/submitted\nPATH="{path}"\nexec sbatch "$@\""""
    noted = _program(folder, "sbatch", noting)
    # The profile's own warning, two minutes before the limit of four.
    limit = {"runtime": "4 + 20 * (attempt - 1)"}
    run = drill.start(resources=limit, PATH=f"{noted}:{path}")
    drill.under_way(FIRST)
    with drill.standing_still(FIRST):
        pass  # until the warning comes
    drill.finish(run)
    # At the limit SLURM itself would have asked it to stop, and called that TIMEOUT.
    assert [job.state for job in drill.jobs(FIRST)] == ["FAILED", "COMPLETED"]
    drill.watch_resumption(FIRST)
    profile = yaml.safe_load((folder / "profiles/slurm/config.yaml").read_text())
    for argument in profile["default-resources"]["slurm_extra"].split():
        assert drill.submitted().count(argument) == len(drill.jobs())


def test_requeue(drill):
    """SLURM itself starts the job again, under the same number; it goes on from its state."""
    run = drill.start()
    with drill.watching():
        drill.under_way(*CHUNKS)
        [job] = drill.jobs(FIRST)
        drill.cluster.run("scontrol", "requeue", str(job.id))
        _start_again(drill, job)
        drill.finish(run)
    assert [job.state for job in drill.jobs(FIRST)] == ["COMPLETED"]
    assert "resuming from" in drill.log(FIRST)


def test_a_preemption(drill):
    """A job of a partition with a higher priority takes the GPU; the chunk goes on after it."""
    run = drill.start()
    with drill.watching():
        drill.under_way(*CHUNKS)
        [job] = drill.jobs(FIRST)
        with drill.standing_still(FIRST):
            urgent = drill.cluster.run(
                *("sbatch", "--parsable", "-o", "/dev/null", "-p", "urgent", "--gpus=1"),
                *(f"--nodelist={job.node}", "--wrap=sleep 5"),
            ).strip()
        _start_again(drill, job)
        drill.finish(run)
    [again] = drill.jobs(FIRST)  # the same number: no attempt was used up
    assert again.state == "COMPLETED"
    assert "Trying to restart" not in drill.told()
    [preemptor] = [other for other in drill.cluster.jobs() if other.id == int(urgent)]
    assert (preemptor.state, preemptor.node) == ("COMPLETED", job.node)
    drill.watch_resumption(FIRST)


def _start_again(drill, job):
    """SLURM lets two minutes pass before a requeued job may start; not here."""
    until(lambda: drill.jobs(FIRST)[0].state == "PENDING", "the job is pending again")
    drill.cluster.run("scontrol", "update", f"jobid={job.id}", "starttime=now")


def test_a_node_dies(drill):
    run = drill.start()
    with drill.watching():
        drill.under_way(*CHUNKS)
        [job] = drill.jobs(FIRST)
        drill.cluster.kill_node(job.node)
        try:
            _start_again(drill, job)
            drill.finish(run)
        finally:
            drill.cluster.start_node(job.node)
    [again] = drill.jobs(FIRST)
    assert again.state == "COMPLETED"
    assert again.node != job.node
    assert "resuming from" in drill.log(FIRST)


@pytest.mark.parametrize("seen", [True, False], ids=["queue-seen", "queue-unseen"])
def test_the_controller_is_killed_and_started_again(drill, seen):
    """One of its jobs has ended meanwhile, the other still runs: neither is done again."""
    # Unseen: the second submission does not find the first in the queue, and meets its claim.
    home = drill.checkout.folder
    blind = {} if seen else {"PATH": _blind_squeue(home, drill.cluster.variables["PATH"])}
    run = drill.start()
    drill.under_way(*CHUNKS)
    slow = drill.holder(SECOND)
    os.kill(slow, signal.SIGSTOP)
    drill.kill(run)
    until(lambda: drill.jobs(FIRST)[0].state == "COMPLETED", "the first chunk ends")

    refused = drill.start()
    assert refused.wait(timeout=60) != 0
    assert "Directory cannot be locked" in drill.told()
    assert drill.start("--unlock").wait(timeout=60) == 0
    run = drill.start(**blind)
    until(lambda: len(drill.jobs(SECOND)) == 2, "the second chunk is submitted again")
    if seen:
        time.sleep(5)
        assert drill.jobs(SECOND)[1].state == "PENDING"
    else:
        until(lambda: "is at the same work" in drill.log(SECOND), "the second job waits")
    os.kill(slow, signal.SIGCONT)
    drill.finish(run)

    assert "1 jobs finished while no controller looked" in drill.told()
    [first], [second, twin] = drill.jobs(FIRST), drill.jobs(SECOND)
    assert drill.record(FIRST)["slurm_job"] == str(first.id)
    assert drill.record(SECOND)["slurm_job"] == str(second.id)
    assert "its outputs are taken over" in drill.said(twin)
    if seen:
        assert second.end <= twin.start  # never at the same time, no GPU held while waiting
        earlier = f"to start after earlier jobs for the same work: {second.id} (RUNNING, None)"
        assert earlier in drill.told()
    again = drill.start("-n")
    assert again.wait(timeout=60) == 0
    assert "Nothing to be done" in drill.told()


def _blind_squeue(folder, path):
    text = f'case " $* " in *" --me "*) exit 1;; esac\nPATH="{path}"\nexec squeue "$@"'
    return f"{_program(folder, 'squeue', text)}:{path}"


def test_slurm_away_while_submitting_and_while_running(drill):
    """sbatch refuses for a while, then slurmctld vanishes for 20 s; sacct is there and fails."""
    path = drill.cluster.variables["PATH"]
    folder = drill.checkout.folder
    (folder / "refusals").touch()
    _program(
        folder,
        "sbatch",
        f"if [ $(wc -l <{folder}/refusals) -lt 6 ]; then\n"
        f"    echo refused >>{folder}/refusals\n"
        '    echo "sbatch: error: Batch job submission failed: '
        'Unable to contact slurm controller (connect failure)" >&2\n'
        "    exit 1\nfi\n"
        f'PATH="{path}"\nexec sbatch "$@"',
    )
    _program(folder, "sacct", "echo 'sacct: error: Problem talking to the database' >&2; exit 1")
    run = drill.start(PATH=f"{folder}/bin:{path}")
    with drill.watching():
        drill.under_way(*CHUNKS)
        drill.cluster.stop_controller()
        time.sleep(20)
        drill.cluster.start_controller()
        drill.finish(run)
    assert (folder / "refusals").read_text().count("refused") >= 6
    assert [len(drill.jobs(chunk)) for chunk in CHUNKS] == [1, 1]  # no attempt was used up
    assert "Trying to restart" not in drill.told()
    assert "not submitted yet, trying again for up to 600 s: Unable to contact" in drill.told()


def test_jobs_that_can_never_start_are_not_waited_for(drill):
    """They asked for more time than the partition gives; with a mended profile new ones run."""
    run = drill.start(resources={"runtime": 2 * LONGEST_MIN})
    until(lambda: len(drill.jobs()) == len(CHUNKS), "both chunks are submitted")
    stuck = {f"{job.id} (PENDING, PartitionTimeLimit)" for job in drill.jobs()}
    queue = ("squeue", "--noheader", "-o", "%i (%T, %r)")
    until(lambda: stuck <= set(drill.cluster.run(*queue).splitlines()), "both are stuck")
    drill.kill(run)
    assert drill.start("--unlock").wait(timeout=60) == 0
    drill.finish(drill.start())
    for chunk in CHUNKS:
        assert [job.state for job in drill.jobs(chunk)] == ["PENDING", "COMPLETED"]
    for job in stuck:
        assert f"not waiting for jobs for the same work that cannot start: {job}" in drill.told()
