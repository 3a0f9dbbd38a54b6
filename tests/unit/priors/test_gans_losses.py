"""Losses of the low-resolution priors: closed forms, sums of -log, finite differences."""

import math

import numpy as np
import pytest
import torch
from mirage.priors.gans import adversarial
from mirage.priors.gans.critic import Critic
from mirage.priors.gans.sizes import CriticConfig
from slopes import slope


def _randn(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_wasserstein_by_hand():
    real, fake = torch.tensor([1.0, 4.0]), torch.tensor([3.0, -1.0])
    assert adversarial.wasserstein_loss(real, fake).item() == -1.5
    assert adversarial.realness_loss(fake).item() == -1.0


def test_penalty_of_a_linear_critic_is_that_of_its_weight():
    weight, images = _randn(3, 4, 4), _randn(5, 3, 4, 4, seed=1).requires_grad_()
    weight = 3 * weight / weight.norm()
    penalty = adversarial.gradient_penalty((images * weight).sum((1, 2, 3)), images)
    assert penalty.item() == pytest.approx((3 - 1) ** 2)


def test_penalty_takes_the_norm_over_all_pixels_of_each_image():
    images = _randn(5, 3, 4, 4).requires_grad_()
    penalty = adversarial.gradient_penalty(images.square().sum((1, 2, 3)) / 2, images)
    norms = np.linalg.norm(images.detach().numpy().reshape(5, -1), axis=1)
    assert penalty.item() == pytest.approx(((norms - 1) ** 2).mean())


def test_penalty_of_a_flat_critic_has_a_gradient_of_zero():
    weight = torch.zeros(1, requires_grad=True)
    images = torch.ones(2, 1, 2, 2, requires_grad=True)
    penalty = adversarial.gradient_penalty((weight * images).sum((1, 2, 3)), images)
    assert penalty.item() == 1
    assert torch.autograd.grad(penalty, weight)[0].item() == 0


def test_mixed_images_lie_between():
    reals, fakes = torch.zeros(2, 1, 1, 1), torch.full((2, 1, 1, 1), 8.0)
    at = adversarial.mixed(reals, fakes, torch.tensor([0.0, 0.25]))
    assert at.flatten().tolist() == [0.0, 2.0]


def test_the_critics_whole_loss_by_finite_differences():
    critic = Critic(CriticConfig(16, 1, channels=(4, 3)), seed=2).double()
    reals, fakes = _randn(2, 4, 1, 16, 16)
    shares = torch.tensor([0.1, 0.4, 0.5, 0.9], dtype=torch.float64)
    images = adversarial.mixed(reals, fakes, shares).requires_grad_()

    def loss():
        penalty = adversarial.gradient_penalty(critic(images), images)
        return adversarial.wasserstein_loss(critic(reals), critic(fakes)) + 10 * penalty

    torch.testing.assert_close(*slope(loss, list(critic.parameters())), rtol=1e-5, atol=1e-8)


def _probability_of_real(logits):
    """Z / (Z + 1), in NumPy."""
    z = np.exp(np.asarray(logits)).sum(axis=1)
    return z / (z + 1)


def test_kedmis_losses_are_sums_of_minus_logs():
    real, fake = _randn(6, 5), 3 * _randn(6, 5, seed=1)
    own = adversarial.unlabelled_loss(real, fake).item()
    of_reals = -np.log(_probability_of_real(real)).mean()
    of_fakes = -np.log(1 - _probability_of_real(fake)).mean()
    assert own == pytest.approx((of_reals + of_fakes) / 2, rel=1e-9)
    soft = _randn(6, 5, seed=2).softmax(1)
    expected = -(soft * (real.exp() / real.exp().sum(1, keepdim=True)).log()).sum(1).mean()
    assert adversarial.labelled_loss(real, soft).item() == pytest.approx(expected.item())


def test_kedmis_losses_by_hand():
    # Z = 2 for two logits of 0: p(real) = 2/3.
    zero = torch.zeros(1, 2)
    expected = 0.5 * (math.log(3 / 2) + math.log(3))
    assert adversarial.unlabelled_loss(zero, zero).item() == pytest.approx(expected)
    soft = torch.tensor([[0.25, 0.75]])
    assert adversarial.labelled_loss(zero, soft).item() == pytest.approx(math.log(2))
    assert adversarial.entropy_sum(torch.zeros(3, 2)).item() == pytest.approx(3 * math.log(2))
    fakes, reals = torch.tensor([[1.0, 0.0], [3.0, 0.0]]), torch.tensor([[4.0, -3.0]])
    assert adversarial.feature_matching(fakes, reals).item() == 2.5


def test_kedmis_losses_do_not_overflow():
    far = torch.tensor([[200.0, -200.0]])
    assert adversarial.unlabelled_loss(-far, far).item() == pytest.approx(100)
    assert adversarial.unlabelled_loss(far - 400, -far - 400).item() == pytest.approx(100)
    assert adversarial.entropy_sum(far).item() == 0


def test_hinge_by_hand():
    real, fake = torch.tensor([2.0, 0.5, -1.0]), torch.tensor([-3.0, 0.0, 1.0])
    # 0, 0.5 and 2; 0, 1 and 2.
    assert adversarial.hinge_loss(real, fake).item() == pytest.approx(2.5 / 3 + 1)


@pytest.mark.parametrize(
    "loss", [adversarial.unlabelled_loss, adversarial.feature_matching, adversarial.hinge_loss]
)
def test_gradients_by_finite_differences(loss):
    shape = (4,) if loss is adversarial.hinge_loss else (4, 3)
    inputs = [_randn(*shape, seed=seed).requires_grad_() for seed in (4, 5)]
    assert torch.autograd.gradcheck(loss, inputs)


def test_the_entropys_gradient_by_finite_differences():
    logits = _randn(4, 3).requires_grad_()
    assert torch.autograd.gradcheck(adversarial.entropy_sum, logits)
