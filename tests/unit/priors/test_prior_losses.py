"""Losses of prior training against closed forms and finite differences."""

import math

import torch
from mirage.priors import losses


def test_logistic_losses_in_closed_form():
    real, fake = torch.tensor([[2.0], [-1.0]]), torch.tensor([[0.5], [0.0]])
    sigmoid = lambda x: 1 / (1 + math.exp(-x))  # noqa: E731
    expected = -(math.log(sigmoid(2)) + math.log(sigmoid(-1))) / 2
    expected -= (math.log(1 - sigmoid(0.5)) + math.log(0.5)) / 2
    assert math.isclose(losses.discriminator_loss(real, fake).item(), expected, rel_tol=1e-6)
    expected = -(math.log(sigmoid(0.5)) + math.log(0.5)) / 2
    assert math.isclose(losses.generator_loss(fake).item(), expected, rel_tol=1e-6)


def test_logistic_losses_do_not_overflow():
    far = torch.tensor([[1e4]])
    assert losses.discriminator_loss(-far, far).item() == 2e4
    assert losses.generator_loss(far).item() == 0


def test_r1_of_a_quadratic_discriminator():
    # D(x) = x^T A x has gradient 2 A x; the penalty's own gradient in A is 8 (A x) x^T per image.
    torch.manual_seed(0)
    root = torch.randn(12, 12, dtype=torch.float64)
    matrix = (root + root.T).requires_grad_()
    images = torch.randn(5, 3, 2, 2, dtype=torch.float64, requires_grad=True)
    flat = images.detach().flatten(1)
    logits = torch.einsum("ni,ij,nj->n", images.flatten(1), matrix, images.flatten(1))[:, None]
    penalty = losses.r1_penalty(logits, images)
    torch.testing.assert_close(penalty, (2 * flat @ matrix).square().sum(1).mean())
    penalty.backward()
    rows = flat @ matrix.detach()
    expected = 4 * (rows.T @ flat + flat.T @ rows) / 5
    torch.testing.assert_close(matrix.grad, expected)


def test_r1_gradient_equals_finite_differences():
    torch.manual_seed(1)
    weight = torch.randn(3, 8, dtype=torch.float64)
    images = torch.randn(4, 2, 2, 2, dtype=torch.float64, requires_grad=True)

    def penalty(weight):
        logits = (images.flatten(1) @ weight.T).tanh().square().sum(1, keepdim=True)
        return losses.r1_penalty(logits, images)

    assert torch.autograd.gradcheck(penalty, weight.requires_grad_())


def test_path_length_of_a_linear_generator():
    # For x = M w in one layer, J^T y = M^T y; y has standard deviation 1 / sqrt(pixels).
    torch.manual_seed(2)
    matrix = torch.randn(16, 6, dtype=torch.float64, requires_grad=True)
    ws = torch.randn(3, 1, 6, dtype=torch.float64, requires_grad=True)
    directions = torch.randn(3, 1, 4, 4, dtype=torch.float64)
    images = (ws[:, 0] @ matrix.T).view(3, 1, 4, 4)
    lengths = losses.path_lengths(images, ws, directions)
    expected = (directions.flatten(1) / 4 @ matrix).norm(dim=1)
    torch.testing.assert_close(lengths, expected)
    (ours,) = torch.autograd.grad(lengths.sum(), matrix, retain_graph=True)
    (theirs,) = torch.autograd.grad(expected.sum(), matrix)
    torch.testing.assert_close(ours, theirs)


def test_path_length_averages_the_squares_over_layers():
    ws = torch.ones(2, 4, 3, dtype=torch.float64, requires_grad=True)
    scale = torch.tensor([1.0, 2.0, 3.0, 4.0], dtype=torch.float64)
    images = (ws * scale[:, None]).sum(1).view(2, 3, 1, 1)
    lengths = losses.path_lengths(images, ws, torch.ones(2, 3, 1, 1, dtype=torch.float64))
    expected = math.sqrt(3 * (1 + 4 + 9 + 16) / 4)
    torch.testing.assert_close(lengths, torch.full((2,), expected, dtype=torch.float64))


def test_path_length_penalty_gradient_equals_finite_differences():
    torch.manual_seed(3)
    matrix = torch.randn(4, 3, dtype=torch.float64)
    ws = torch.randn(2, 2, 3, dtype=torch.float64, requires_grad=True)
    directions = torch.randn(2, 1, 2, 2, dtype=torch.float64)

    def penalty(matrix):
        images = ((ws[:, 0] + ws[:, 1].sin()) @ matrix.T).tanh().view(2, 1, 2, 2)
        mean = torch.tensor(0.7, dtype=torch.float64)
        return losses.path_length_penalty(losses.path_lengths(images, ws, directions), mean)

    assert torch.autograd.gradcheck(penalty, matrix.requires_grad_())
