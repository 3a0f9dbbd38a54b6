"""The test cluster itself: what the tests on it rely on."""

import time
from pathlib import Path

import pytest
from cluster import Cluster


def _submit(cluster, log, *arguments, command="sleep 1"):
    return int(
        cluster.run("sbatch", "--parsable", "-o", str(log), *arguments, "--wrap", command).strip()
    )


def _until(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def _lives(pid):
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("request_gpu", ["--gpus=1", "--gres=gpu:1"])
def test_gpus_are_counted_handed_out_and_limited(cluster, tmp_path, request_gpu):
    command = "sleep 2; echo device $CUDA_VISIBLE_DEVICES"
    ids = [
        _submit(cluster, tmp_path / f"{i}.log", "-p", "gpu", request_gpu, command=command)
        for i in range(3)
    ]

    def jobs():
        return [job for job in cluster.jobs() if job.id in ids]

    most = 0
    while any(job.state != "COMPLETED" for job in jobs()):
        most = max(most, sum(job.gpus for job in jobs() if job.state == "RUNNING"))
        time.sleep(0.2)
    assert most == 2
    assert {job.node for job in jobs()} == {"gpu1", "gpu2"}
    assert all((tmp_path / f"{i}.log").read_text() == "device 0\n" for i in range(3))


def test_a_node_dies_with_its_jobs_and_comes_back(short_folder, tmp_path):
    with Cluster.up(short_folder / "c", gpu_nodes=1, cpu_nodes=0, gpu_type="a100") as own:
        pids = tmp_path / "pid"
        job = _submit(own, tmp_path / "log", "--no-requeue", command=f"echo $$ >{pids}; sleep 99")
        _until(lambda: pids.exists() and pids.read_text())
        pid = int(pids.read_text())
        own.kill_node("gpu1")
        _until(lambda: not _lives(pid))
        own.run("scontrol", "update", "nodename=gpu1", "state=down", "reason=test")
        _until(lambda: {j.id: j.state for j in own.jobs()}[job] == "NODE_FAIL")
        own.start_node("gpu1")
        assert own.node_states() == {"gpu1": "idle"}


def test_two_clusters_know_nothing_of_each_other(cluster, short_folder, tmp_path):
    with Cluster.up(short_folder / "d", gpu_nodes=0) as other:
        before = len(cluster.jobs())
        _submit(other, tmp_path / "log")
        assert len(other.jobs()) == 1
        assert len(cluster.jobs()) == before
    assert not (short_folder / "d").exists()


def test_jobs_survive_an_absence_of_the_controller(short_folder, tmp_path):
    with Cluster.up(short_folder / "c", gpu_nodes=0) as own:
        job = _submit(own, tmp_path / "log", command="sleep 2; echo done")
        _until(lambda: own.jobs()[0].state == "RUNNING")
        own.stop_controller()
        assert own.run("squeue", check=False) == ""
        own.start_controller()
        _until(lambda: {j.id: j.state for j in own.jobs()}[job] == "COMPLETED")
        assert (tmp_path / "log").read_text() == "done\n"
