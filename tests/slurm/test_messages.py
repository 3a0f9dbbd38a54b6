"""What a user is told when a job does not end well: which job, and where to read on."""

import re
import time

import pytest
from one_job import start
from projects import Checkout


def _slurm_log(told):
    return re.search(r"\(log: (\S+)\)", told)[1]


def test_a_problem_is_told_where_snakemake_runs(cluster, short_folder):
    checkout = Checkout(short_folder)
    prior = short_folder / "workflow/presets/priors/orl-faces/generator.safetensors"
    prior.write_bytes(b"not a tensor in sight")
    run = start(checkout, cluster, "--retries", "0")
    told, _ = run.communicate(timeout=300)
    assert run.returncode != 0
    assert "generator.safetensors" in told.split("Error in rule synthesise_pool")[1]
    assert "log: logs/synthesise_pool/orl-1000/s1-32.log, " + _slurm_log(told) in told
    assert "Traceback" not in told
    log = short_folder / "results/demo/logs/synthesise_pool/orl-1000/s1-32.log"
    problem = log.read_text().splitlines()[-1].split(" ", 1)[1]
    assert problem in told  # the job's own words, without opening a log


@pytest.mark.parametrize("when", ["waiting", "running"])
def test_a_cancelled_job_is_named_with_its_logs(cluster, short_folder, when):
    checkout = Checkout(short_folder)
    blocking = []
    if when == "waiting":
        blocking = [
            cluster.run(
                *("sbatch", "--parsable", "-o", "/dev/null", "-p", "gpu", "--gpus=1"),
                "--wrap=sleep 60",
            ).strip()
            for _ in range(2)
        ]
    run = start(checkout, cluster, "--retries", "0")
    deadline = time.monotonic() + 120
    state = {"waiting": "PENDING", "running": "RUNNING"}[when]
    while not (
        jobs := [
            job
            for job in cluster.jobs()
            if job.state == state and str(short_folder) in job.log and job.name != "wrap"
        ]
    ):
        assert time.monotonic() < deadline
        time.sleep(0.2)
    cluster.run("scancel", str(jobs[0].id), *blocking)
    told, _ = run.communicate(timeout=300)
    assert run.returncode != 0
    assert f"SLURM-job '{jobs[0].id}' failed, SLURM status is: 'CANCELLED'" in told
    assert "log: logs/synthesise_pool/orl-1000/s1-32.log, " + _slurm_log(told) in told
