"""Claims: one worker at a time, across processes, machines and deaths."""

import errno
import json
import os
import subprocess
import sys
import threading
import time
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from mirage.errors import MirageError
from mirage.runtime import claims, signals

LIBRARY = Path(__file__).resolve().parents[3] / "workflow/scripts"
WORKER = """
import sys, time
from mirage.runtime import claims
claims.POLL_S = 0.01
path, log, turns = sys.argv[1:]
for _ in range(int(turns)):
    with claims.claimed(path):
        with open(log, "a") as file: file.write("in\\n")
        time.sleep(0.005)
        with open(log, "a") as file: file.write("out\\n")
"""


@pytest.fixture(autouse=True)
def hurried(monkeypatch):
    monkeypatch.setattr(claims, "POLL_S", 0.02)
    monkeypatch.setattr(claims, "BEAT_S", 0.05)
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)


@pytest.fixture
def squeue(tmp_path, monkeypatch):
    """A squeue that answers as told."""

    def answer(states="", error="", status=0):
        program = tmp_path / "bin/squeue"
        program.parent.mkdir(exist_ok=True)
        program.write_text(f"#!/bin/sh\necho '{states}'\necho '{error}' >&2\nexit {status}\n")
        program.chmod(0o755)
        monkeypatch.setenv("PATH", str(program.parent), prepend=os.pathsep)

    return answer


def _elsewhere(path, slurm=""):
    """A claim of a process on another machine."""
    holder = replace(claims._myself(), machine="node7/boot/pid", slurm=slurm)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(asdict(holder)))
    return holder


def _of_a_dead_process(path):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    began = claims._began(dead.pid)
    dead.wait()
    holder = replace(claims._myself(), pid=dead.pid, began=began)
    path.write_text(json.dumps(asdict(holder)))


def test_processes_take_turns(tmp_path):
    path, log = tmp_path / "a/b.claim", tmp_path / "log"
    script = [sys.executable, "-c", WORKER, str(path), str(log), "15"]
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY)}
    workers = [subprocess.Popen(script, env=environment) for _ in range(4)]
    assert [worker.wait(timeout=60) for worker in workers] == [0] * 4
    assert log.read_text().split() == ["in", "out"] * 60
    assert not list(path.parent.iterdir())


def test_a_claim_names_its_holder_and_goes_with_the_work(tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    path = tmp_path / "x.claim"
    with claims.claimed(path):
        [holder] = claims.holders(tmp_path)
        assert (holder.pid, holder.slurm) == (os.getpid(), "17")
        assert str(holder).startswith("SLURM job 17, process ")
        assert claims.alive(holder)
    assert not path.exists()
    with pytest.raises(ZeroDivisionError), claims.claimed(path):
        raise ZeroDivisionError
    assert not path.exists()


def test_a_dead_process_holds_nothing(tmp_path):
    path = tmp_path / "x.claim"
    _of_a_dead_process(path)
    began = time.monotonic()
    with claims.claimed(path):
        assert time.monotonic() - began < 5


def test_a_reused_process_number_is_not_the_holder(tmp_path):
    me = claims._myself()
    assert claims.alive(me)
    assert claims.alive(replace(me, began=me.began - 1)) is False


def test_a_requeued_job_does_not_wait_for_itself(monkeypatch, tmp_path):
    holder = _elsewhere(tmp_path / "x.claim", "17")
    monkeypatch.setenv("SLURM_JOB_ID", "17")
    assert claims.alive(holder) is False


@pytest.mark.parametrize(
    ("states", "error", "status", "lives"),
    [
        ("RUNNING", "", 0, True),
        ("COMPLETING", "", 0, True),
        ("PENDING", "", 0, False),
        ("COMPLETED", "", 0, False),
        ("NODE_FAIL", "", 0, False),
        ("", "", 0, False),
        ("", "slurm_load_jobs error: Invalid job id specified", 1, False),
        ("", "slurm_load_jobs error: Unable to contact slurm controller", 1, None),
    ],
)
def test_slurm_is_asked_about_other_machines(tmp_path, squeue, states, error, status, lives):
    squeue(states, error, status)
    assert claims.alive(_elsewhere(tmp_path / "x.claim", "17")) is lives


def test_without_slurm_a_silent_holder_is_dead_and_a_beating_one_is_not(tmp_path, monkeypatch):
    monkeypatch.setattr(claims, "STALE_S", 0.4)
    path = tmp_path / "x.claim"
    holder = _elsewhere(path)
    assert claims.alive(holder) is None
    beats = threading.Event()
    heart = threading.Thread(target=claims._beat, args=(path, holder, beats))
    heart.start()
    got = threading.Event()

    def second():
        with claims.claimed(path):
            got.set()

    waiter = threading.Thread(target=second)
    waiter.start()
    assert not got.wait(1.0)
    beats.set()
    assert got.wait(5.0)
    heart.join()
    waiter.join()


def test_a_job_given_up_on_another_machine_must_fall_silent_first(tmp_path, squeue, monkeypatch):
    """SLURM loses sight of a machine that is cut off; the job there may still write."""
    monkeypatch.setattr(claims, "QUIET_S", 0.4)
    path = tmp_path / "x.claim"
    holder = _elsewhere(path, "17")
    squeue("NODE_FAIL")
    assert claims.alive(holder) is False
    beats, got = threading.Event(), threading.Event()

    def second():
        with claims.claimed(path):
            got.set()

    threads = [
        threading.Thread(target=claims._beat, args=(path, holder, beats)),
        threading.Thread(target=second),
    ]
    for thread in threads:
        thread.start()
    assert not got.wait(1.0)
    beats.set()
    assert got.wait(5.0)
    for thread in threads:
        thread.join()


def test_a_disk_that_is_away_is_no_news(tmp_path, monkeypatch):
    path = tmp_path / "x.claim"
    with claims.claimed(path):
        with monkeypatch.context() as patch:

            def away(*_, **__):
                raise OSError(116, "Stale file handle")

            patch.setattr(Path, "read_text", away)
            claims.insist()
            assert claims.holders(tmp_path) == []
        claims.insist()


def test_who_lost_the_claim_stops(tmp_path):
    path = tmp_path / "x.claim"
    with claims.claimed(path):
        other = _elsewhere(path)
        deadline = time.monotonic() + 5
        while not signals.stop_requested():
            assert time.monotonic() < deadline
            time.sleep(0.01)
    assert claims.holders(tmp_path) == [other]


def test_only_the_dead_holders_claim_is_taken_away(tmp_path):
    path = tmp_path / "x.claim"
    dead = _elsewhere(path)
    alive = _elsewhere(path)
    claims._take_away(path, dead)
    assert claims.holders(tmp_path) == [alive]
    claims._take_away(path, alive)
    assert not path.exists()


def test_a_claim_costs_less_than_a_few_ms(tmp_path):
    began = time.process_time()
    for i in range(100):
        with claims.claimed(tmp_path / f"{i}.claim"):
            pass
    assert (time.process_time() - began) / 100 < 0.003


def test_a_full_disk_leaves_no_claim_to_wait_for(tmp_path, monkeypatch):
    """Neither on a file system with second names nor on one without."""
    full = OSError(errno.ENOSPC, "No space left on device")

    def no_room(*_, **__):
        raise full

    monkeypatch.setattr(claims.Path, "write_text", no_room)
    with pytest.raises(MirageError, match="disk is full"), claims.claimed(tmp_path / "a.claim"):
        pass
    monkeypatch.undo()

    def no_links(*_):
        raise OSError(errno.EPERM, "no second names here")

    monkeypatch.setattr(claims.os, "link", no_links)
    with claims.claimed(tmp_path / "b.claim"):  # such a file system serves as well
        assert claims.holders(tmp_path)[0].pid == os.getpid()
    monkeypatch.setattr(claims.json, "dump", no_room)
    with pytest.raises(MirageError, match="disk is full"), claims.claimed(tmp_path / "c.claim"):
        pass
    assert list(tmp_path.iterdir()) == []


def test_an_empty_claim_is_told_and_not_waited_for_long(tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(claims, "POLL_S", 0.02)
    monkeypatch.setattr(claims, "EMPTY_S", 0.2)
    path = tmp_path / "a.claim"
    path.touch()
    with caplog.at_level("INFO", "mirage"), claims.claimed(path):
        assert claims.holders(tmp_path)[0].pid == os.getpid()
    told = [text for text in caplog.messages if text.startswith("waiting: ")]
    assert len(told) == 1
    assert str(path) in told[0]
    assert "0 s of silence" in told[0]
