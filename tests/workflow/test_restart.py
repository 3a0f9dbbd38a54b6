"""Jobs killed at random moments end, once they are let, with the bytes of an undisturbed run."""

import hashlib
import os
import random
import shutil
import signal
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from projects import Checkout

LONGER = Path(__file__).parent / "longer.yaml"
CELL = "orl/resnet-mini/ls-0.05+mid0.01+bido0.05_0.5/n3/s1"  # noise, too, is drawn anew
STAGES = {
    "train_target": f"targets/{CELL}/metrics.json",
    "run_stage": f"attacks/{CELL}/ppa/selected.safetensors",
    "measure_attack": f"attacks/{CELL}/ppa/knowledge.json",
    "score_attack": f"attacks/{CELL}/ppa/metrics.json",
    "measure_target": f"measures/{CELL}/gradients/metrics.json",
}
LAST = (STAGES["score_attack"], STAGES["measure_target"])
# What tells of time, machine and attempts; everything else must repeat to the byte.
TOLD = ("jobs", "logs", "state", ".snakemake", ".sources.json", ".unchanged.json")


def _bytes(results):
    return {
        str(path.relative_to(results)): hashlib.blake2b(path.read_bytes()).hexdigest()
        for path in sorted(results.rglob("*"))
        if path.is_file() and path.relative_to(results).parts[0] not in TOLD
    }


def _start(checkout, *targets, warm):
    environment = {
        **checkout.environment(),
        "MIRAGE_CHECKPOINT_S": "0",
        "MIRAGE_WARM": "1" if warm else "0",
    }
    return subprocess.Popen(
        [*checkout.command(*targets), str(LONGER)],
        cwd=checkout.folder,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _job_of(run, rule, deadline_s=60.0):
    """The process of a rule's job below a running Snakemake; None if the run ends before it."""
    deadline = time.monotonic() + deadline_s
    while time.monotonic() < deadline and run.poll() is None:
        for child in psutil.Process(run.pid).children(recursive=True):
            try:
                if any(part.endswith(f".{rule}.py") for part in child.cmdline()):
                    return child
            except psutil.Error:
                continue
        time.sleep(0.02)
    return None


def _finish(checkout, *targets, warm):
    run = _start(checkout, *targets, warm=warm)
    assert run.wait(timeout=240) == 0


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    checkout = Checkout(tmp_path_factory.mktemp("undisturbed"))
    _finish(checkout, *LAST, warm=True)
    checkout.bytes = _bytes(checkout.results)
    return checkout


@pytest.mark.parametrize("warm", [True, False], ids=["warm", "cold"])
def test_killed_at_random_moments(checkout, undisturbed, warm):
    chance = random.Random(17 + warm)
    hits = 0
    for rule, target in STAGES.items():
        for _ in range(2):
            run = _start(checkout, target, warm=warm)
            job = _job_of(run, rule)
            if job is not None:
                time.sleep(chance.uniform(0.0, 0.8 if warm else 3.5))
                hits += run.poll() is None
                with suppress(psutil.NoSuchProcess, ProcessLookupError):
                    if chance.random() < 0.5:
                        job.kill()  # the job alone: Snakemake sees it fail
                    else:
                        os.killpg(run.pid, signal.SIGKILL)  # everything: a lost machine
            run.wait(timeout=120)
            if any((checkout.results / ".snakemake/locks").glob("*")):  # Snakemake was killed, too
                checkout.snakemake("--unlock")
    assert hits >= 4  # else the drill hit nothing
    _finish(checkout, *LAST, warm=warm)
    assert _bytes(checkout.results) == undisturbed.bytes


def _leave_candidates(undisturbed, checkout):
    """All is there but the optimisation and what follows: what comes before ends too soon."""
    shutil.copytree(undisturbed.results, checkout.results, symlinks=True, dirs_exist_ok=True)
    for folder in ("logs", "evaluation", "measures"):
        shutil.rmtree(checkout.results / folder, ignore_errors=True)
    attack = checkout.results / f"attacks/{CELL}/ppa"
    for path in attack.rglob("*"):
        if path.is_file() and not path.name.removeprefix(".").startswith("candidates."):
            path.unlink()


@pytest.mark.parametrize("rule", ["train_target", "run_stage"])
def test_told_to_stop_a_job_saves_and_goes_on(checkout, undisturbed, rule):
    target = STAGES[rule]
    log = checkout.results / f"logs/{rule}"
    if rule == "run_stage":
        _leave_candidates(undisturbed, checkout)
    run = _start(checkout, target, warm=True)
    job = _job_of(run, rule)
    assert job is not None
    while not list((checkout.results / f"state/{rule}").rglob("*.safetensors")):
        assert run.poll() is None
        time.sleep(0.01)
    job.send_signal(signal.SIGTERM)
    assert run.wait(timeout=120) != 0
    assert any("the state is saved" in path.read_text() for path in log.rglob("*.log"))
    _finish(checkout, target, warm=True)
    assert any("resuming from" in path.read_text() for path in log.rglob("*.log"))
    ours = _bytes(checkout.results)
    assert ours
    assert {name: undisturbed.bytes[name] for name in ours} == ours


def test_interrupted_by_the_user(checkout, undisturbed):
    """Ctrl-C reaches Snakemake and its jobs; nothing declared is half there, and it goes on."""
    run = _start(checkout, STAGES["train_target"], warm=True)
    assert _job_of(run, "train_target") is not None
    os.killpg(run.pid, signal.SIGINT)
    assert run.wait(timeout=120) != 0
    assert not list((checkout.results / "targets").rglob("metrics.json"))
    _finish(checkout, STAGES["train_target"], warm=True)
    ours = _bytes(checkout.results)
    assert {name: undisturbed.bytes[name] for name in ours} == ours
