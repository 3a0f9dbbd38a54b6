"""Operators that a step starts, and what it saves to take images together."""

import pytest
from forecast_models import demo, paper, plan_of
from mirage.forecast import page, summary, together, units
from mirage.forecast.counts import Counts
from mirage.forecast.speeds import Speeds


def _speeds(operators, calibration=None):
    unit = units.make("classify", "made-up 8 px", 10, {})
    held = Counts(
        flops=1e9, bytes=0, bytes_per_image=0.0, weight_bytes=0, batch=10, operators=operators
    )
    anchors = {
        "flops_per_s": {"cuda": {"classify": 1e12, "other": 1e12}},
        "launch_s": {"cuda": 1e-5},
    }
    return unit, Speeds("cuda", anchors, {unit.key: held}, calibration)


def test_a_step_takes_no_less_than_its_operators_to_start():
    """1 GFLOP at 1 TFLOP/s are 1 ms an image; 10,000 operators take 100 ms, 10 images or one."""
    unit, few = _speeds(100)
    assert (few.seconds(unit), few.seconds_alone(unit)) == pytest.approx((1e-3, 1e-3))
    unit, many = _speeds(10_000)
    assert (many.seconds(unit), many.seconds_alone(unit)) == pytest.approx((1e-2, 1e-1))
    told = {"flops_per_s": 1e12, "seconds_per_image": 2e-3}
    unit, timed = _speeds(10_000, {"units": {f"{unit.key} @10": told}})
    assert (timed.seconds(unit), timed.seconds_alone(unit)) == pytest.approx((2e-3, 1e-1))


def test_the_forecast_tells_what_batches_save():
    model = paper()
    told = summary.forecast(model, plan_of(model))
    rows = told["together"]
    alone = [row["alone_hours"] for row in rows]
    assert alone == sorted(alone, reverse=True)
    assert all(row["hours"] <= row["alone_hours"] >= 1 for row in rows)
    rlb = next(row for row in rows if row["work"].startswith("rlb "))
    assert rlb["images"] == 50  # classes
    assert rlb["alone_hours"] > 1.3 * rlb["hours"]
    # Hundreds of small layers of three students: as many operators for one image as for 100.
    lomma = next(row for row in rows if row["work"].endswith("with 3 students"))
    assert lomma["alone_hours"] > 20 * lomma["hours"]
    assert "alone" in page.text(told)
    assert together.rows(demo(), plan_of(demo())) == []
