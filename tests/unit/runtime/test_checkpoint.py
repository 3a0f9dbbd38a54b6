"""State is resumed by the same work only, and only when whole."""

import pytest
import torch
from mirage.errors import Interrupted
from mirage.runtime import signals
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
