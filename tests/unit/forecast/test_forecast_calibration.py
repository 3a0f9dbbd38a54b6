"""A calibration keeps to its time, leaves out what does not fit, and says so."""

import time

import pytest
import torch
from forecast_models import demo, plan_of
from mirage.errors import Interrupted, MirageError
from mirage.forecast import calibration
from mirage.forecast.calibration import Stopwatch, calibrate
from mirage.forecast.graph import units_of
from mirage.runtime import files


def _units(*kinds):
    found = units_of(plan_of(demo()))
    return [next(unit for unit in found if unit.kind == kind) for kind in kinds]


@pytest.fixture(autouse=True)
def _one_thread():
    torch.set_num_threads(1)


KINDS = ("train", "student", "classify", "rate", "render", "attack", "embed_attack", "embed_real")


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_is_timed(kind):
    (unit,) = _units(kind)
    counts = demo().speeds.counts[unit.key]
    told = calibration._measure(unit, counts, "cpu", 0.1)
    assert 1e-6 < told["seconds_per_image"] < 1
    assert told["flops_per_s"] == pytest.approx(counts.flops / told["seconds_per_image"])


def test_a_calibration_keeps_about_to_its_time(tmp_path):
    units = units_of(plan_of(demo()))
    began = time.process_time()
    found = calibrate(units, demo().speeds.counts, "cpu", 1.0, tmp_path)
    assert time.process_time() - began < 5
    assert {*found["units"], *found["skipped"]} == {unit.timed_key for unit in units}
    assert found["units"]
    assert all(rate > 0 for rate in found["host"].values())
    assert not list(tmp_path.iterdir())
    files.write_json(tmp_path / "calibration.json", found)


def test_what_takes_too_long_is_left_out_and_named(tmp_path):
    units = _units("attack")
    huge = {
        units[0].key: demo()
        .speeds.counts[units[0].key]
        .__class__(flops=1e15, bytes=10**9, bytes_per_image=1e6, weight_bytes=0, batch=72)
    }
    found = calibrate(units, huge, "cpu", 0.5, tmp_path)
    assert not found["units"]
    assert "does not fit into the time" in found["skipped"][units[0].timed_key]


def test_out_of_memory_halves_the_batch(monkeypatch):
    units, tried = units_of(plan_of(demo())), []
    unit = next(unit for unit in units if unit.kind == "classify" and unit.batch == 250)

    def time_it(unit, counts, device, batch, share_s):
        tried.append(batch)
        if batch > 40:
            raise torch.cuda.OutOfMemoryError
        return {"batch": batch}

    monkeypatch.setattr(calibration, "_time", time_it)
    counts = demo().speeds.counts[unit.key]
    assert calibration._measure(unit, counts, "cpu", 1e3)["batch"] == 31
    assert tried == [250, 125, 62, 31]
    monkeypatch.setattr(calibration, "_time", lambda *_: (_ for _ in ()).throw(
        torch.cuda.OutOfMemoryError()))  # fmt: skip
    with pytest.raises(MirageError, match="memory"):
        calibration._measure(unit, counts, "cpu", 1e3)


def test_the_first_step_is_warm_up(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(calibration.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(calibration.time, "process_time", lambda: now[0])
    watch = Stopwatch("cpu", 4.0)
    for seconds in (3.0, 0.5):
        now[0] += seconds
        watch.tick(dict)
    now[0] += 0.7
    with pytest.raises(Interrupted):
        watch.tick(dict)
    assert watch.steps == 2
    assert watch.first_s == 3.0
    assert watch.step_s == pytest.approx(0.6)


def test_a_single_slow_step_counts_itself(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(calibration.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(calibration.time, "process_time", lambda: now[0])
    watch = Stopwatch("cpu", 1.0)
    now[0] = 9.0
    with pytest.raises(Interrupted):
        watch.tick(dict)
    assert (watch.steps, watch.step_s) == (0, 9.0)
