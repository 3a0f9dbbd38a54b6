"""Attack losses against closed forms and finite differences."""

import math

import attack_models as models
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mirage.attacks import terms
from mirage.attacks.losses import LOSSES


def _poincare(logits, target):
    """Equation 16 of the paper, spelled out in NumPy float64."""
    u = np.asarray(logits, dtype=float)
    u = u / np.linalg.norm(u, 1)
    v = np.zeros_like(u)
    v[target] = 0.9999
    fraction = 2 * np.sum((u - v) ** 2) / ((1 - np.sum(u**2)) * (1 - np.sum(v**2)))
    return np.arccosh(1 + fraction)


rows = st.lists(st.floats(0.01, 50), min_size=3, max_size=8)


@settings(deadline=None, max_examples=60)
@given(logits=rows, signs=st.integers(0, 255), target=st.integers(0, 2))
def test_poincare_is_equation_16(logits, signs, target):
    logits = [x if signs >> i & 1 else -x for i, x in enumerate(logits)]
    ours = LOSSES["poincare"](torch.tensor([logits], dtype=torch.float64), torch.tensor([target]))
    assert ours.item() == pytest.approx(_poincare(logits, target), rel=1e-9)


def test_poincare_by_hand():
    # u = (1/2, 1/2): |u|^2 = 1/2, |u - v|^2 = 0.4999^2 + 1/4.
    expected = math.acosh(1 + 2 * (0.4999**2 + 0.25) / (0.5 * (1 - 0.9999**2)))
    ours = LOSSES["poincare"](torch.ones(1, 2, dtype=torch.float64), torch.tensor([0]))
    assert ours.item() == pytest.approx(expected, rel=1e-12)


def test_poincare_ignores_the_scale_of_the_logits():
    logits = torch.randn(4, 7, dtype=torch.float64)
    targets = torch.arange(4)
    torch.testing.assert_close(
        LOSSES["poincare"](logits, targets), LOSSES["poincare"](1000 * logits, targets)
    )


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_by_finite_differences(name):
    logits = torch.randn(3, 6, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([5, 0, 2])
    assert torch.autograd.gradcheck(lambda x: LOSSES[name](x, targets), logits)


def test_poincare_in_float32_stays_near_float64():
    logits = 30 * torch.randn(200, 50)
    targets = torch.arange(200) % 50
    torch.testing.assert_close(
        LOSSES["poincare"](logits, targets).double(), LOSSES["poincare"](logits.double(), targets)
    )


def test_cross_entropy_and_identity_by_their_definitions():
    logits, targets = torch.randn(4, 3), torch.tensor([2, 0, 1, 1])
    own = logits[range(4), targets]
    torch.testing.assert_close(
        LOSSES["cross_entropy"](logits, targets), logits.exp().sum(1).log() - own
    )
    assert torch.equal(LOSSES["identity"](logits, targets), -own)


def test_margin_is_plgs_max_margin_loss_by_hand():
    row = torch.tensor([[3.0, 1.0, 2.0]])
    assert LOSSES["margin"](row, torch.tensor([0])).tolist() == [-1.0]
    # The published sum of two means, over two rows: (-3 - 1) / 2 + (2 + 3) / 2.
    both = LOSSES["margin"](row.expand(2, -1), torch.tensor([0, 1]))
    assert both.mean().item() == 0.5


def test_margin_and_cooled_cross_entropy_by_hand():
    logits = torch.tensor([[1.0, 4.0, 2.0], [60.0, 0.0, 10.0]], requires_grad=True)
    targets = torch.tensor([0, 0])
    assert LOSSES["margin"](logits, targets).tolist() == [3.0, -50.0]
    # T is 1 for a margin of 3, and 10 for one of 50.
    cooled = LOSSES["tempered"](logits, targets)
    shares = [[1.0, 4.0, 2.0], [6.0, 0.0, 1.0]]
    expected = [math.log(sum(map(math.exp, row))) - row[0] for row in shares]
    assert cooled.tolist() == pytest.approx(expected, rel=1e-4)
    # T counts as a constant: d/dz of CE(z / T) is (softmax(z / T) - y) / T.
    (gradient,) = torch.autograd.grad(cooled[1], logits)
    total = sum(map(math.exp, shares[1]))
    wanted = [(math.exp(z) / total - (k == 0)) / 10 for k, z in enumerate(shares[1])]
    assert gradient[1].tolist() == pytest.approx(wanted, rel=1e-4)


def test_margin_goes_on_where_cross_entropy_has_saturated():
    logits = torch.tensor([[400.0, 0.0, 1.0]], requires_grad=True)
    targets = torch.tensor([0])
    (flat,) = torch.autograd.grad(LOSSES["cross_entropy"](logits, targets).sum(), logits)
    (steep,) = torch.autograd.grad(LOSSES["margin"](logits, targets).sum(), logits)
    (cooled,) = torch.autograd.grad(LOSSES["tempered"](logits, targets).sum(), logits)
    assert flat.abs().max() == 0
    assert steep.abs().max() == 1
    assert cooled.abs().max() > 0


def test_feature_statistics_and_distance():
    images, model = torch.randn(23, 1, 12, 12), models.classifier()
    statistics = terms.feature_statistics(model, images, batch_size=5, device="cpu")
    features = model.features(images).numpy()
    np.testing.assert_allclose(statistics.mean, features.mean(0), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(statistics.std, features.std(0), rtol=1e-4, atol=1e-5)
    distance = terms.feature_distance(torch.from_numpy(features), statistics.mean)
    expected = ((features - statistics.mean.numpy()) ** 2).mean(1)
    np.testing.assert_allclose(distance, expected, rtol=1e-4)


def test_realism_is_the_generators_loss():
    scores = torch.tensor([-3.0, 0.0, 2.0])
    ours = terms.realism(lambda images: images[:, :1, 0, 0], scores[:, None, None, None])
    torch.testing.assert_close(ours, torch.log1p(torch.exp(-scores)))
