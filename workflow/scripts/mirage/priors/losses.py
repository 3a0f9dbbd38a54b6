"""Losses of StyleGAN2's training: logistic loss, R1 penalty and path-length penalty."""

import torch
from torch import Tensor
from torch.nn import functional as F


def discriminator_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Logistic loss of the discriminator, averaged over the batch.

    Args:
        real_logits: scores of real images, [N, 1].
        fake_logits: scores of synthesised images, [M, 1].

    Returns:
        Scalar, -log sigmoid(real) - log(1 - sigmoid(fake)) in nats, at least 0.

    Source: Goodfellow et al., NeurIPS 2014, as used by StyleGAN2.
    """
    return F.softplus(-real_logits).mean() + F.softplus(fake_logits).mean()


def generator_loss(fake_logits: Tensor) -> Tensor:
    """Non-saturating logistic loss of the generator, averaged over the batch.

    Args:
        fake_logits: scores of synthesised images, [N, 1].

    Returns:
        Scalar, -log sigmoid(fake) in nats, at least 0.

    Source: Goodfellow et al., NeurIPS 2014, as used by StyleGAN2.
    """
    return F.softplus(-fake_logits).mean()


def r1_penalty(logits: Tensor, images: Tensor) -> Tensor:
    """Squared gradient norm of the discriminator at real images, averaged over the batch.

    Args:
        logits: scores of ``images``, [N, 1].
        images: real images with ``requires_grad``, [N, C, H, W].

    Returns:
        Scalar mean of ||d logit / d image||^2, differentiable; the factor gamma / 2 is the
        caller's.

    Source: Mescheder et al., ICML 2018, Equation 9.
    """
    (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
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

    Source: StyleGAN2 (Karras et al., CVPR 2020), Equation 4.
    """
    height, width = images.shape[-2:]
    projection = (images * directions).sum() / (height * width) ** 0.5
    (gradient,) = torch.autograd.grad(projection, ws, create_graph=True)
    return gradient.square().sum(dim=2).mean(dim=1).sqrt()


def path_length_penalty(lengths: Tensor, mean_length: Tensor) -> Tensor:
    """Squared deviation of path lengths from their running mean, averaged over the batch.

    Args:
        lengths: from ``path_lengths``, [N].
        mean_length: running mean a, scalar, no gradient.

    Returns:
        Scalar mean of (length - a)^2.

    Source: StyleGAN2, Equation 4, the running mean being a constant (quirk path-mean-gradient).
    """
    return (lengths - mean_length).square().mean()
