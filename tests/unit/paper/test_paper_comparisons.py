"""What the paper says of two rows, read off cells with known differences."""

import numpy as np
import pandas as pd
import pytest
from mirage.paper.comparisons import Comparison, against_hard_labels, explained, read
from mirage.paper.presentation import Presentation
from scipy import stats

SHOWN = Presentation("demo", False)
BETTER = Comparison("A beats B", {"treatment": "a"}, {"treatment": "b"}, ("acc1", "delta_face"))


def _numbers(a, b, **others):
    """Cells of two treatments: value of Acc@1 and of the distance per seed."""
    rows = [
        {
            "dataset": "orl", "architecture": "net", "samples": "3", "attack": "ppa",
            "treatment": name, "seed": seed, "acc1": value, "delta_face": value / 100, **others,
        }
        for name, values in (("a", a), ("b", b))
        for seed, value in values.items()
    ]  # fmt: skip
    return pd.DataFrame(rows)


def test_a_difference_and_its_interval_over_seeds():
    a, b = {1: 50.0, 2: 52.0, 3: 57.0, 9: 99.0}, {1: 40.0, 2: 44.0, 3: 45.0}
    (sentence,) = read(_numbers(a, b), [BETTER], SHOWN)
    differences = [10.0, 8.0, 12.0]
    margin = stats.t.ppf(0.975, 2) * np.std(differences, ddof=1) / np.sqrt(3)
    assert sentence.startswith(f"A beats B: Acc@1 +10.0 ± {margin:.1f} pp (shows; n = 3)")
    # Of a distance less is better for the attacker, so the same values show the opposite.
    assert "δ face +0.100 ± 0.050 (shows the opposite; n = 3)" in sentence


def test_few_seeds_and_missing_rows_are_told_as_such():
    (sentence,) = read(_numbers({1: 50.0, 2: 52.0}, {1: 40.0, 2: 44.0}), [BETTER], SHOWN)
    assert "Acc@1 +9.0 pp (too few seeds to say; n = 2)" in sentence
    assert read(_numbers({1: 50.0}, {2: 40.0}), [BETTER], SHOWN) == []
    assert explained([]) == []
    assert "95 % interval" in explained(["x"])[0]


def test_blocks_are_read_apart_and_named():
    one = _numbers({1: 50.0}, {1: 40.0})
    two = _numbers({1: 30.0}, {1: 40.0}).assign(dataset="celeba")
    sentences = read(pd.concat([one, two]), [BETTER], SHOWN)
    assert [s.split(",")[0] for s in sentences] == ["orl", "celeba"]
    assert "Acc@1 +10.0" in sentences[0]
    assert "Acc@1 −10.0" in sentences[1]


@pytest.mark.parametrize("values", [{1: 5.0, 2: 5.0, 3: 5.0}])
def test_equal_values_are_no_effect(values):
    (sentence,) = read(_numbers(values, values), [BETTER], SHOWN)
    assert "not distinguishable from 0" in sentence


def test_each_sign_of_smoothing_is_held_against_hard_labels():
    """Positive smoothing helps the attacker, negative does not; hard labels are no claim."""
    up, down = against_hard_labels((0.1, 0, -0.05), ("acc1",))
    numbers = _numbers({1: 60.0, 2: 62.0, 3: 64.0}, {1: 50.0, 2: 53.0, 3: 53.0})
    numbers["treatment"] = numbers["treatment"].map({"a": "ls0.1", "b": "ls0"})
    (sentence,) = read(numbers, [up, down], SHOWN)
    assert sentence.startswith("α = 0.1 gives more away than hard labels: Acc@1 +10.0 ±")
    numbers["treatment"] = numbers["treatment"].map({"ls0.1": "ls0", "ls0": "ls-0.05"})
    (sentence,) = read(numbers, [up, down], SHOWN)
    assert sentence.startswith("α = −0.05 gives less away than hard labels: Acc@1 +10.0 ±")
    assert "shows" in sentence
