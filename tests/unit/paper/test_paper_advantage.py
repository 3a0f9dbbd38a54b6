"""The advantage of an attack, against the percentages that the paper's own numbers give."""

import math

import pytest
from mirage.errors import MirageError
from mirage.paper.advantage import advantage, advantages
from mirage.paper.reference import reference_rows

SIZES = ["10", "20", "30", "40", "50", "all"]
# Percent for n = 10 to 50 and all images, computed by hand from the printed tables 2 and 4.
OVER_SAMPLES = {
    ("acc1", "ls0.1"): [41.8, 19.8, 10.1, 4.7, 6.0, 0.9],
    ("acc1", "ls-0.05"): [-22.7, -44.9, -70.8, -85.7, -78.8, -84.8],
    ("delta_face", "ls0.1"): [8.8, 13.7, 14.4, 15.0, 15.7, 10.2],
    ("delta_face", "ls-0.05"): [-5.7, -18.4, -39.4, -60.9, -49.3, -74.5],
    ("delta_eval", "ls0.1"): [8.7, 11.7, 13.3, 15.1, 12.9, 13.6],
    ("delta_eval", "ls-0.05"): [-4.6, -19.7, -39.5, -65.5, -44.9, -92.3],
    ("xi_train", "ls0.1"): [21.6, 7.9, 11.5, 12.9, 13.6, 16.0],
    ("xi_train", "ls-0.05"): [0.7, -13.4, -42.6, -62.7, -45.4, -73.1],
}
OVER_ALPHA = {  # of 0.3, 0.2, 0.1, -0.005, -0.01, -0.05
    "delta_face": [12.6, 7.0, 10.2, -15.9, -30.7, -74.5],
    "xi_train": [19.0, 16.2, 16.0, -4.5, -12.3, -73.1],
    "acc1": [1.6, -0.3, 0.9, -14.5, -36.5, -84.8],
}
TREATMENTS = ["ls0.3", "ls0.2", "ls0.1", "ls-0.005", "ls-0.01", "ls-0.05"]


@pytest.fixture(scope="module")
def printed():
    rows = reference_rows("table02", "table04")
    return rows[(rows["dataset"] == "FaceScrub") & (rows["architecture"] == "ResNet-152")]


@pytest.fixture(scope="module")
def paper(printed):
    metrics = ["acc1", "delta_face", "delta_eval", "xi_train"]
    found = advantages(printed, metrics, ["samples"], "ls0")
    return found.set_index(["metric", "treatment", "samples"])["advantage"]


@pytest.mark.parametrize("which", OVER_SAMPLES, ids=str)
def test_the_papers_numbers_give_its_percentages_over_samples(paper, which):
    for samples, expected in zip(SIZES, OVER_SAMPLES[which], strict=True):
        assert paper[(*which, samples)] == pytest.approx(expected, abs=0.051), samples


@pytest.mark.parametrize("metric", OVER_ALPHA)
def test_the_papers_numbers_give_its_percentages_over_factors(paper, metric):
    for treatment, expected in zip(TREATMENTS, OVER_ALPHA[metric], strict=True):
        assert paper[metric, treatment, "all"] == pytest.approx(expected, abs=0.051), treatment


def test_better_for_the_attacker_is_positive():
    assert advantage(60, 40, "acc1") == pytest.approx(50)
    assert advantage(0.5, 1.0, "delta_face") == pytest.approx(50)
    assert advantage(3.0, 1.0, "delta_eval") == pytest.approx(-200)
    assert advantage(0, 40, "acc1") == -100
    assert math.isnan(advantage(1, 0, "acc1"))
    assert math.isnan(advantage(math.nan, 40, "acc1"))


def test_what_has_no_better_side_is_refused():
    with pytest.raises(MirageError, match="no better side"):
        advantage(1, 2, "acc1_std")
    with pytest.raises(MirageError, match="0 or above"):
        advantage(-1, 2, "acc1")


def test_only_what_shares_all_else_is_compared(printed):
    found = advantages(printed, ["acc1"], ["samples"], "ls0")
    assert len(found) == 5 * 2 + 6  # no row for hard labels themselves
    assert not found.duplicated(["samples", "treatment"]).any()
    without = printed[(printed["samples"] != "20") | (printed["treatment"] != "ls0")]
    assert len(advantages(without, ["acc1"], ["samples"], "ls0")) == len(found) - 2
