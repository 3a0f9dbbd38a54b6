"""Calibration error against torchmetrics and by hand."""

import pytest
import torch
from mirage.targets.calibration_error import calibration_error
from torchmetrics.functional.classification import multiclass_calibration_error


@pytest.mark.parametrize("temperature", [0.02, 0.3, 1.0, 5.0])
def test_equals_torchmetrics(temperature):
    stream = torch.manual_seed(1)
    logits = torch.randn(500, 6, generator=stream) / temperature
    labels = torch.randint(0, 6, (500,), generator=stream)
    probabilities = logits.softmax(1)
    theirs = multiclass_calibration_error(probabilities, labels, 6, n_bins=10, norm="l2")
    assert calibration_error(probabilities, labels) == pytest.approx(float(theirs), abs=1e-6)


def test_certainty_has_a_slot_of_its_own():
    probabilities = torch.tensor([[1.0, 0.0], [0.95, 0.05], [0.95, 0.05]], dtype=torch.float64)
    labels = torch.tensor([1, 0, 0])
    # slots: {1.0: gap 1, n 1} and {0.95: gap 0.05, n 2}
    expected = (1 / 3 * 1**2 + 2 / 3 * 0.05**2) ** 0.5
    assert calibration_error(probabilities, labels) == pytest.approx(expected, abs=1e-12)
    theirs = multiclass_calibration_error(probabilities, labels, 2, n_bins=10, norm="l2")
    assert float(theirs) == pytest.approx(expected, abs=1e-6)


def test_lower_edges_belong_to_their_bin():
    probabilities = torch.tensor([[0.5, 0.5], [0.49, 0.51], [0.6, 0.4]], dtype=torch.float64)
    labels = torch.tensor([0, 0, 0])
    # 0.5 and 0.51 share a bin, 0.6 opens the next
    expected = (2 / 3 * ((0.5 - 0.51) / 2) ** 2 + 1 / 3 * 0.4**2) ** 0.5
    assert calibration_error(probabilities, labels) == pytest.approx(expected, abs=1e-12)


def test_perfect_calibration_is_zero():
    probabilities = torch.tensor([[0.75, 0.25]] * 4, dtype=torch.float64)
    assert calibration_error(probabilities, torch.tensor([0, 0, 0, 1])) == 0
