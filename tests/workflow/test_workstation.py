"""Several GPUs and no SLURM: Snakemake counts, each job takes a device of its own."""

import json
import os
import subprocess
import sys

import pytest
from projects import ROOT

GPUS = ["GPU-11111111", "MIG-GPU-2222/1/0", "GPU-33333333"]
JOBS = 6
RULES = f"""
from pathlib import Path
from mirage.runtime.digest import Digests
config["code"] = Digests(Path.cwd())
rule all:
    input: expand("{{n}}.json", n=range({JOBS}))
rule hold:
    output: job="{{n}}.json"
    log: "{{n}}.log"
    resources: gpu=1
    params: device="auto"
    script: "hold.py"
"""
SCRIPT = """
import os, time
from pathlib import Path
from mirage.runtime import job

@job.main
def hold(task):
    from mirage.runtime.devices import choose_device
    choose_device(task.params.device)
    mine = Path("device-" + os.environ["CUDA_VISIBLE_DEVICES"].replace("/", "_"))
    os.close(os.open(mine, os.O_CREAT | os.O_EXCL))  # fails if another job is on this device
    deadline = time.monotonic() + 120
    while (together := len(list(Path().glob("device-*")))) < 3 and time.monotonic() < deadline:
        if Path("met").exists():
            break
        time.sleep(0.05)
    if together == 3:
        Path("met").touch()
    time.sleep(0.2)
    together = max(together, len(list(Path().glob("device-*"))))
    mine.unlink()
    return {"together": together}
"""


@pytest.mark.parametrize("counted", [True, False], ids=["gpu=3", "no limit"])
def test_each_concurrent_job_has_a_device_of_its_own(tmp_path, counted):
    """With Snakemake's count no job waits; without it the devices themselves are the limit."""
    (tmp_path / "Snakefile").write_text(RULES)
    (tmp_path / "hold.py").write_text(SCRIPT)
    limit = ["--resources", f"gpu={len(GPUS)}"] if counted else []
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "workflow/scripts"),
        "CUDA_VISIBLE_DEVICES": ",".join(GPUS),
        "MIRAGE_SLOTS": str(tmp_path / "slots"),
        "OMP_NUM_THREADS": "1",
    }
    done = subprocess.run(
        [sys.executable, "-P", "-m", "snakemake", "--cores", "6", *limit],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    used = [json.loads((tmp_path / f"{n}.json").read_text())["gpu"] for n in range(JOBS)]
    assert set(used) == set(GPUS)
    logs = [(tmp_path / f"{n}.log").read_text() for n in range(JOBS)]
    assert all(f"GPU {device}" in log for device, log in zip(used, logs, strict=True))
    together = [int(log.rsplit("together ", 1)[1].split()[0]) for log in logs]
    assert max(together) == len(GPUS)  # all were at work at once, and never more
    if not counted:
        assert any("all 3 GPUs are taken" in log for log in logs)


def test_listed_devices_reach_the_jobs(checkout):
    """Through the configuration, the rules and the record of a real job."""
    target = "targets/orl/resnet-mini/ls0/n3/s1/metrics.json"
    checkout.snakemake(
        target, "--config", "gpu_ids=[GPU-a,GPU-b]", "device=auto",
        "--resources", "gpu=2", "--cores", "2",
    )  # fmt: skip
    record = checkout.results / "jobs/train_target/orl/resnet-mini/ls0/n3/s1.json"
    assert json.loads(record.read_text())["gpu"] in ("GPU-a", "GPU-b")
