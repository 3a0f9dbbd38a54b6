"""Figures 2a, 2b and 6a: every point stands inside its panel, and the CSV holds what is drawn."""

import math

import pandas as pd
import pytest
from mirage.paper.advantage_plot import OURS, PAPER, SHOWN, gathered
from mirage.paper.items import ITEMS
from mirage.paper.presentation import Presentation
from mirage.paper.reference import reference_rows
from mirage.study.treatment import Treatment

PRESENTED = Presentation("demo", False)
TREATMENTS = {"ls0.1": 1.2, "ls0": 1.0, "ls-0.05": 0.4}


@pytest.fixture(scope="module")
def printed():
    rows = reference_rows("table02", "table04")
    return rows[(rows["dataset"] == "FaceScrub") & (rows["architecture"] == "ResNet-152")]


def _numbers(metrics):
    rows = [
        {
            "samples": samples, "seed": seed, "treatment": treatment,
            "alpha": Treatment.parse(treatment).alpha,
            **{name: factor * (50 + seed) for name in metrics},
        }
        for samples in ("3", "all")
        for seed in (1, 2, 3)
        for treatment, factor in TREATMENTS.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_means_over_seeds_stand_beside_the_papers(printed):
    table = gathered(_numbers(SHOWN), printed)
    ours = table[(table["source"] == OURS) & (table["metric"] == "acc1")]
    assert ours.groupby("treatment")["advantage"].first().to_dict() == pytest.approx(
        {"ls0.1": 20.0, "ls-0.05": -60.0}
    )
    assert set(ours["n_seeds"]) == {3}
    distances = table[(table["source"] == OURS) & (table["metric"] == "delta_face")]
    assert distances.set_index("treatment")["advantage"]["ls0.1"].tolist() == pytest.approx(
        [-20.0, -20.0]
    )
    assert set(table[table["source"] == PAPER]["samples"]) == {"10", "20", "30", "40", "50", "all"}


def _points(axes):
    return [y for line in axes.get_lines() for y in line.get_ydata() if not math.isnan(y)]


@pytest.mark.parametrize("name", ["figure2a", "figure2b"])
def test_no_point_is_cut_off(name, printed):
    rows = printed if name == "figure2a" else printed[printed["samples"] == "all"]
    numbers = _numbers(SHOWN)
    numbers = numbers if name == "figure2a" else numbers[numbers["samples"] == "all"]
    figure = ITEMS[name].draw(gathered(numbers, rows), PRESENTED)
    assert len(figure.axes) == 2 * len(SHOWN)
    for axes in figure.axes:
        low, high = axes.get_ylim()
        points = _points(axes)
        assert len(points) > 2
        assert all(low < y < high for y in points)


def test_a_metric_that_nobody_measured_leaves_an_empty_panel(printed):
    numbers = _numbers(SHOWN).assign(acc1=0.0)  # no advantage over nothing
    figure = ITEMS["figure2a"].draw(gathered(numbers, printed), PRESENTED)
    assert figure.axes[len(SHOWN)].get_legend() is not None


def test_the_starting_points_are_bars_of_both_signs():
    metrics = ("delta_face", "delta_eval", "confidence")
    table = gathered(_numbers(metrics), None, metrics)
    (axes,) = ITEMS["figure6a"].draw(table[table["samples"] == "3"], PRESENTED).axes
    heights = [bar.get_height() for bar in axes.patches]
    assert heights == pytest.approx([-20.0, -20.0, 20.0, 60.0, 60.0, -60.0])
