"""Losses of StyleGAN2's training, each a scalar mean over the batch; scores are [N, 1].

Sources: Goodfellow et al., NeurIPS 2014 (logistic losses); Mescheder et al., ICML 2018, Equation 9
(R1); StyleGAN2 (Karras et al., CVPR 2020), Equation 4 (path lengths).
"""

import torch
from torch import Tensor
from torch.nn import functional as F


def discriminator_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Logistic loss: -log sigmoid(real) - log(1 - sigmoid(fake)) in nats, at least 0."""
    return F.softplus(-real_scores).mean() + F.softplus(fake_scores).mean()


def generator_loss(fake_scores: Tensor) -> Tensor:
    """Non-saturating logistic loss: -log sigmoid(fake) in nats, at least 0."""
    return F.softplus(-fake_scores).mean()


def r1_penalty(scores: Tensor, images: Tensor) -> Tensor:
    """Squared gradient norm of the discriminator at real images, ||d score / d image||^2.

    Args:
        scores: of ``images``.
        images: real images with ``requires_grad``, [N, C, H, W].

    Returns:
        The differentiable mean; the factor gamma / 2 is the caller's.
    """
    (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    return gradient.square().sum(dim=(1, 2, 3)).mean()


def path_lengths(images: Tensor, ws: Tensor, directions: Tensor) -> Tensor:
    """How far an image moves per unit step in w, one random image direction per image.

    Args:
        images: synthesised from ``ws``, [N, C, H, W].
        ws: one w per layer, [N, num_ws, w_dim], part of the graph of ``images``.
        directions: standard normal, shape of ``images``.

    Returns:
        ||J_w^T y|| for y = directions / sqrt(H W), [N], differentiable; the squared norm is
        averaged over the layers.
    """
    height, width = images.shape[-2:]
    projection = (images * directions).sum() / (height * width) ** 0.5
    (gradient,) = torch.autograd.grad(projection, ws, create_graph=True)
    return gradient.square().sum(dim=2).mean(dim=1).sqrt()


def path_length_penalty(lengths: Tensor, mean_length: Tensor) -> Tensor:
    """Mean of (length - a)^2 for lengths [N] and their running mean a.

    The running mean is a scalar without gradient (quirk path-mean-gradient).
    """
    return (lengths - mean_length).square().mean()
