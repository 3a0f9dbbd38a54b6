"""Failures on a real SLURM: each drill ends with the bytes of an undisturbed run.

Two chunks of an attack run as GPU jobs; one is disturbed, the merged result must not show it.
"""

import re
import os
import signal
import time

import pytest
from drilling import CHUNKS, Drill, undisturbed, until

FIRST, SECOND = CHUNKS


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return undisturbed(tmp_path_factory.mktemp("undisturbed"))


@pytest.fixture
def drill(tmp_path, cluster, base):
    drill = Drill(tmp_path, cluster, base)
    yield drill
    drill.end()


def test_a_killed_and_a_cancelled_job_go_on(drill):
    run = drill.start()
    drill.under_way(*CHUNKS)
    os.kill(drill.holder(FIRST), signal.SIGKILL)
    [cancelled] = drill.jobs(SECOND)
    drill.cluster.run("scancel", str(cancelled.id))
    drill.finish(run)
    for chunk in CHUNKS:
        assert "resuming from" in drill.log(chunk)
    assert [job.state for job in drill.jobs(FIRST)] == ["FAILED", "COMPLETED"]
    assert [job.state for job in drill.jobs(SECOND)] == ["CANCELLED", "COMPLETED"]


def test_controller_killed_while_jobs_run(drill):
    with drill.watching():
        run = drill.start()
        drill.under_way(*CHUNKS)
        drill.kill(run)
        refused = drill.start()
        assert refused.wait(timeout=60) != 0
        assert "cannot be locked" in drill.told()
        unlocking = drill.start("--unlock")
        assert unlocking.wait(timeout=60) == 0
        run = drill.start()
        drill.finish(run)
    print(drill.told())
    print([(j.id, j.state, j.comment, j.start, j.end) for j in drill.jobs()])
    for c in CHUNKS: print(drill.log(c), drill.record(c)["slurm_job"])
