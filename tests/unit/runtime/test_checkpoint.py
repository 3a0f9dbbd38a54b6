"""State is resumed by the same work only, and only when whole."""

import json
import time

import pytest
import torch
from mirage.errors import Interrupted
from mirage.runtime import effort, files, signals
from mirage.runtime.checkpoint import Checkpoint

STATE = {"a": torch.arange(5.0)}


def test_only_the_same_work_resumes(tmp_path):
    path = tmp_path / "s.safetensors"
    Checkpoint(path, {"n": 1}).save(STATE)
    assert torch.equal(Checkpoint(path, {"n": 1}).load()["a"], STATE["a"])
    assert Checkpoint(path, {"n": 2}).load() is None


@pytest.mark.parametrize("damage", [lambda b: b[:-4], lambda b: b[:-1] + bytes([b[-1] ^ 1])])
def test_damaged_state_is_a_fresh_start(tmp_path, damage):
    path = tmp_path / "s.safetensors"
    Checkpoint(path, {}).save(STATE)
    path.write_bytes(damage(path.read_bytes()))
    assert Checkpoint(path, {}).load() is None


@pytest.mark.parametrize("header", ["{", "[]", '{"identity": ""}'])
def test_an_odd_header_is_a_fresh_start(tmp_path, header):
    from safetensors.torch import save_file

    path = tmp_path / "s.safetensors"
    checkpoint = Checkpoint(path, {})
    if header.startswith('{"'):
        header = json.dumps({"identity": checkpoint.identity})
    save_file(STATE, path, {"mirage": header})
    assert checkpoint.load() is None


def test_effort_is_that_of_all_processes(tmp_path):
    path = tmp_path / "s.safetensors"
    effort.begin()
    time.sleep(0.05)
    Checkpoint(path, {}).save(STATE)
    first = effort.Effort(**files.read_metadata(path)["effort"])
    assert first.stretches == 1
    assert first.wall_s >= 0.05
    effort.begin()  # another process
    with effort.waiting():
        time.sleep(0.05)
    assert effort.so_far().wall_s < 0.05
    assert Checkpoint(path, {}).load() is not None
    Checkpoint(path, {}).load()  # looking twice counts once
    total = effort.so_far()
    assert total.stretches == 2
    assert first.wall_s < total.wall_s < first.wall_s + 0.05
    assert total.cpu_s > first.cpu_s


def test_a_state_of_another_machine_is_told_and_kept(tmp_path, monkeypatch, caplog):
    path = tmp_path / "s.safetensors"
    Checkpoint(path, {}).save(STATE)
    assert Checkpoint(path, {}).load() is not None
    assert "rounding" not in caplog.text
    monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    assert Checkpoint(path, {}).load() is not None
    assert "this is PyTorch" in caplog.text
    assert "77 threads, cpu: where rounding differs" in caplog.text


def test_a_stop_saves_first(tmp_path, monkeypatch):
    monkeypatch.setattr(signals, "_stop", True)
    path = tmp_path / "s.safetensors"
    with pytest.raises(Interrupted):
        Checkpoint(path, {}).tick(lambda: STATE)
    assert path.exists()


def test_the_interval_comes_from_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("MIRAGE_CHECKPOINT_S", "0")
    path = tmp_path / "s.safetensors"
    Checkpoint(path, {}).tick(lambda: STATE)
    assert path.exists()
