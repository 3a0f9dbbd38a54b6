import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mirage.errors import MirageError
from mirage.runtime import devices, slots

FAKE = ["GPU-11111111-aaaa", "MIG-GPU-2222/1/0", "2"]
SMI = """\
GPU 0: NVIDIA RTX A6000 (UUID: GPU-aaaa1111-0000)
GPU 1: NVIDIA A100-SXM4-80GB (UUID: GPU-bbbb2222-0000)
  MIG 3g.40gb     Device  0: (UUID: MIG-cccc3333-0000)
  MIG 3g.40gb     Device  1: (UUID: MIG-cccc4444-0000)
GPU 2: NVIDIA RTX A6000 (UUID: GPU-aaaa5555-0000)
"""
fork = multiprocessing.get_context("fork")


@pytest.fixture(autouse=True)
def workstation(tmp_path, monkeypatch):
    """A machine with three fake devices, nothing held, and no nvidia-smi."""
    monkeypatch.setenv("MIRAGE_SLOTS", str(tmp_path / "slots"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", ",".join(FAKE))
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("SLURM_JOB_ID", raising=False)
    monkeypatch.setattr(slots, "_held", None)
    yield
    if slots._held is not None:
        slots._held.file.close()


def _use(marks, taken, results):
    """Take a device, prove that nobody else is on it, and say which it was."""
    device = slots.settle(poll_s=0.01)
    mark = marks / os.environ["CUDA_VISIBLE_DEVICES"].replace("/", "_")
    try:
        descriptor = os.open(mark, os.O_CREAT | os.O_EXCL)  # fails if another process is here
        taken[device].set()
        # Nobody leaves before each device is in use, however slowly processes start.
        assert all(each.wait(60) for each in taken.values())
        time.sleep(0.02)
        mark.unlink()
        os.close(descriptor)
        results.put(device)
    except FileExistsError:
        results.put(f"shared {device}")


def test_forty_processes_never_share_three_devices_and_all_get_one(tmp_path):
    results, taken = fork.Queue(), {device: fork.Event() for device in FAKE}
    processes = [fork.Process(target=_use, args=(tmp_path, taken, results)) for _ in range(40)]
    for process in processes:
        process.start()
    used = [results.get(timeout=120) for _ in processes]
    for process in processes:
        process.join()
    assert len(used) == 40
    assert set(used) == set(FAKE)


def _hold(taken):
    slots.settle()
    taken.set()
    time.sleep(600)


def test_sigkill_frees_the_device():
    holders = []
    for _ in FAKE:
        taken = fork.Event()
        holders.append(fork.Process(target=_hold, args=(taken,)))
        holders[-1].start()
        assert taken.wait(60)
    assert slots.take(FAKE) is None
    os.kill(holders[1].pid, signal.SIGKILL)
    holders[1].join()
    freed = slots.take(FAKE)
    assert freed is not None
    assert freed.device == FAKE[1]
    for holder in holders:
        holder.kill()
        holder.join()
    freed.file.close()


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.one_of(st.none(), st.integers(0, 9)), max_size=40))
def test_any_order_of_taking_and_leaving(steps):
    """None takes a device, a number gives that of the holders back."""
    holders = []
    try:
        for step in steps:
            if step is None:
                slot = slots.take(FAKE)
                free = [name for name in FAKE if name not in {h.device for h in holders}]
                assert (slot.device if slot else None) == (free[0] if free else None)
                holders += [slot] if slot else []
            elif holders:
                holders.pop(step % len(holders)).file.close()
    finally:
        for holder in holders:
            holder.file.close()


def test_a_lock_whose_name_was_cleaned_away_does_not_count(monkeypatch):
    """The file is removed between opening and locking; the next look takes the new file."""
    path = slots._lock_file(FAKE[0])
    lock = slots.fcntl.flock

    def clean_first(file, how):
        path.unlink(missing_ok=True)
        lock(file, how)

    monkeypatch.setattr(slots.fcntl, "flock", clean_first)
    assert slots.take(FAKE[:1]) is None
    monkeypatch.setattr(slots.fcntl, "flock", lock)
    slot = slots.take(FAKE[:1])
    assert slot is not None
    assert slots.take(FAKE[:1]) is None
    slot.file.close()


def test_one_job_takes_one_device_however_often_it_asks():
    assert slots.settle() == slots.settle() == slots.held() == FAKE[0]
    assert slots.take(FAKE).device == FAKE[1]


def test_waiting_says_who_holds_the_devices(monkeypatch, caplog):
    monkeypatch.setenv("MIRAGE_JOB", "train_target orl resnet152")
    others = [slots.take(FAKE) for _ in FAKE]
    monkeypatch.setattr(slots.time, "sleep", lambda _: others.pop().file.close())
    with caplog.at_level("INFO", logger="mirage"):
        assert slots.settle() == FAKE[2]
    waiting, got = (record.getMessage() for record in caplog.records)
    assert "all 3 GPUs are taken" in waiting
    assert f"{FAKE[0]}: train_target orl resnet152, process {os.getpid()}" in waiting
    assert got == f"GPU {FAKE[2]}"
    for slot in others:
        slot.file.close()


@pytest.mark.parametrize(
    "environment",
    [
        {"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "0"},
        {"CUDA_VISIBLE_DEVICES": "3"},
        {"CUDA_VISIBLE_DEVICES": ""},
        {"CUDA_VISIBLE_DEVICES": "-1,0,1"},
    ],
    ids=["slurm assigns", "one", "none", "hidden"],
)
def test_nothing_to_choose_changes_nothing(environment, monkeypatch, tmp_path):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    assert slots.settle() is None
    assert slots.held() is None
    assert dict(os.environ) == before
    assert not (tmp_path / "slots").exists()


def test_a_cpu_job_touches_no_slot(tmp_path):
    assert devices.choose_device("cpu") == "cpu"
    assert not (tmp_path / "slots").exists()
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ",".join(FAKE)


def test_the_device_is_set_before_cuda_is_asked(monkeypatch):
    import torch

    seen = []
    monkeypatch.setattr(
        torch.cuda, "is_available", lambda: seen.append(os.environ["CUDA_VISIBLE_DEVICES"]) or True
    )
    assert devices.choose_device("cuda") == "cuda"
    assert seen == [FAKE[0]]


def test_importing_for_warm_forks_does_not_initialise_cuda():
    """The server imports these before it forks; a CUDA context would not survive the fork."""
    source = "import torch, mirage.runtime.devices; print(torch.cuda.is_initialized())"
    package = Path(slots.__file__).resolve().parents[2]
    told = subprocess.run(
        [sys.executable, "-c", source],
        env={**os.environ, "PYTHONPATH": str(package)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "False"


def test_inventory_lists_mig_instances_in_place_of_their_gpu():
    assert slots.read_inventory(SMI) == [
        ("0", "GPU-aaaa1111-0000"),
        ("1", "MIG-cccc3333-0000"),
        ("1", "MIG-cccc4444-0000"),
        ("2", "GPU-aaaa5555-0000"),
    ]
    assert slots.read_inventory("No devices were found\n") == []


@pytest.fixture
def nvidia_smi(tmp_path):
    program = tmp_path / "nvidia-smi"
    program.write_text(f"#!/bin/sh\n/bin/cat <<'END'\n{SMI}END\n")
    program.chmod(0o755)


@pytest.mark.usefixtures("nvidia_smi")
@pytest.mark.parametrize(
    ("visible", "expected"),
    [
        ("2,0", ["GPU-aaaa5555-0000", "GPU-aaaa1111-0000"]),
        (" 2 , MIG-cccc4", ["GPU-aaaa5555-0000", "MIG-cccc4444-0000"]),
        ("GPU-aaaa1,2,-1,0", ["GPU-aaaa1111-0000", "GPU-aaaa5555-0000"]),
        (None, [uuid for _, uuid in slots.read_inventory(SMI)]),
    ],
)
def test_a_device_has_one_name_however_it_is_written(visible, expected):
    environment = {} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}
    assert slots.devices(environment) == expected


@pytest.mark.usefixtures("nvidia_smi")
@pytest.mark.parametrize(
    ("visible", "message"),
    [("0,7", "GPU 7 .* is none of"), ("0,GPU-aaaa", "is several of"), ("0,GPU-aaaa1", "twice")],
)
def test_impossible_names_are_one_clear_message(visible, message):
    with pytest.raises(MirageError, match=message):
        slots.devices({"CUDA_VISIBLE_DEVICES": visible})


@pytest.mark.usefixtures("nvidia_smi")
def test_slurm_says_what_a_job_may_use():
    """Nothing named is nothing given; an allocation of several is shared out."""
    assert slots.devices({"SLURM_JOB_ID": "7"}) == []
    assert slots.devices({"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "0"}) == ["0"]
    both = slots.devices({"SLURM_JOB_ID": "7", "CUDA_VISIBLE_DEVICES": "0,2"})
    assert both == ["GPU-aaaa1111-0000", "GPU-aaaa5555-0000"]


@given(
    st.lists(st.integers(0, 99).map(str), unique=True, min_size=2),
    st.lists(st.integers(-9, -1).map(str)),
    st.lists(st.integers(0, 99).map(str)),
)
def test_names_count_up_to_the_first_negative(before, stop, after):
    names = before + stop + (after if stop else [])
    told = ",".join(names)
    assert slots._named(told) == before


def test_the_configured_list_restricts_this_process(monkeypatch):
    slots.offer(None)
    assert os.environ["CUDA_VISIBLE_DEVICES"] == ",".join(FAKE)
    slots.offer([1, "MIG-x"])
    assert slots.devices(os.environ) == ["1", "MIG-x"]
    monkeypatch.setenv("SLURM_JOB_ID", "7")
    slots.offer([5])
    assert slots.devices(os.environ) == ["1", "MIG-x"]
