"""The smoothed loss, its saturation (claims 63-65) and its schedule."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from mirage.targets.smoothing import smoothed_cross_entropy
from mirage.targets.treatments.ls import Smoothing
from scipy.optimize import minimize

ALPHAS = [-0.3, -0.05, 0.0, 0.1, 0.3]


def smoothed_labels(labels, classes, alpha):
    return (1 - alpha) * torch.eye(classes, dtype=torch.float64)[labels] + alpha / classes


@pytest.mark.parametrize("alpha", ALPHAS)
def test_gradient_is_p_minus_smoothed_label(alpha):
    """Claim 63 (Appendix A)."""
    logits = torch.randn(7, 5, dtype=torch.float64, generator=torch.manual_seed(0)) * 3
    logits.requires_grad_()
    labels = torch.tensor([0, 1, 2, 3, 4, 0, 1])
    smoothed_cross_entropy(logits, labels, alpha).backward()
    expected = (logits.softmax(1) - smoothed_labels(labels, 5, alpha)) / 7
    torch.testing.assert_close(logits.grad, expected, atol=1e-12, rtol=0)


@given(alpha=st.floats(0, 1))
def test_positive_smoothing_is_torch_s(alpha):
    logits = torch.linspace(-4, 4, 12, dtype=torch.float64).view(3, 4).sin() * 5
    labels = torch.tensor([3, 0, 2])
    theirs = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=alpha)
    torch.testing.assert_close(smoothed_cross_entropy(logits, labels, alpha), theirs)


@pytest.mark.parametrize("alpha", [-1.0, -0.05])
def test_negative_smoothing_is_cross_entropy_with_soft_targets(alpha):
    logits = torch.linspace(-4, 4, 12, dtype=torch.float64).view(3, 4).sin() * 5
    labels = torch.tensor([3, 0, 2])
    soft = smoothed_labels(labels, 4, alpha)
    expected = torch.nn.functional.cross_entropy(logits, soft)
    ours = smoothed_cross_entropy(logits, labels, alpha)
    torch.testing.assert_close(ours, expected)
    ignored = torch.nn.functional.cross_entropy(logits, labels, label_smoothing=alpha)
    hard = torch.nn.functional.cross_entropy(logits, labels)
    assert ignored == hard  # the trap: torch ignores the negative value without a word
    assert abs(ours - hard) > 0.1


@pytest.mark.parametrize(("alpha", "classes", "point"), [(0.1, 10, 0.91), (0.3, 4, 0.775)])
def test_positive_smoothing_saturates(alpha, classes, point):
    """Claim 64: the loss over the simplex is least at p_y = 1 - alpha + alpha / C."""

    def loss(p):
        logits = torch.tensor(p).log()[None]
        return float(smoothed_cross_entropy(logits, torch.tensor([0]), alpha))

    whole = {"type": "eq", "fun": lambda p: p.sum() - 1}
    start = np.full(classes, 1 / classes)
    found = minimize(
        loss, start, bounds=[(1e-6, 1)] * classes, constraints=[whole], options={"ftol": 1e-14}
    )
    assert found.success
    assert found.x[0] == pytest.approx(point, abs=1e-4)
    assert found.x[1:] == pytest.approx(alpha / classes, abs=1e-4)


@given(
    alpha=st.floats(-5, -1e-3),
    logits=st.lists(st.floats(-8, 8), min_size=2, max_size=12),
)
def test_negative_smoothing_never_saturates(alpha, logits):
    """Claim 65: the own logit is always pushed up, every other one always down."""
    z = torch.tensor([logits], dtype=torch.float64, requires_grad=True)
    smoothed_cross_entropy(z, torch.tensor([0]), alpha).backward()
    assert z.grad[0, 0] < 0
    assert (z.grad[0, 1:] > 0).all()


def smoothing_at(alpha, epoch, epochs, ramp):
    return Smoothing(alpha, ramp).at(epoch, epochs)["alpha"]


def test_published_ramp_has_the_official_values():
    alpha = -0.05
    ramp = [smoothing_at(alpha, epoch, 100, "published") for epoch in range(100)]
    assert ramp[:50] == [0.0] * 50
    assert ramp[50] == pytest.approx(alpha / 50)
    assert ramp[50:75] == pytest.approx([alpha * (e - 49) / 50 for e in range(50, 75)])
    assert ramp[74] == pytest.approx(alpha / 2)
    assert ramp[75:] == [alpha] * 25


def test_corrected_ramp_arrives_without_a_jump():
    ramp = [smoothing_at(-1.0, epoch, 100, "corrected") for epoch in range(100)]
    assert ramp[50:75] == pytest.approx([-(e - 49) / 25 for e in range(50, 75)])
    assert ramp[49] == 0
    assert ramp[74] == ramp[75] == -1


@given(
    alpha=st.floats(-3, 1),
    epochs=st.integers(1, 200),
    ramp=st.sampled_from(["published", "corrected", "constant"]),
)
def test_ramps_never_overshoot_and_end_at_alpha(alpha, epochs, ramp):
    values = [smoothing_at(alpha, epoch, epochs, ramp) for epoch in range(epochs)]
    if epochs >= 4:
        assert values[-1] == alpha
    if alpha >= 0 or ramp == "constant":
        assert set(values) == {alpha}
    else:
        assert all(later <= earlier for earlier, later in pairwise(values))
        assert all(alpha <= value <= 0 for value in values)
