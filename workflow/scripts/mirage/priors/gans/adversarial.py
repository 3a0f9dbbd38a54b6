"""Losses of the low-resolution priors, each a scalar mean over the batch.

Sources: Gulrajani et al., NeurIPS 2017 (Wasserstein losses with a gradient penalty, as GMI uses
them); Chen et al., ICCV 2021 (KED-MI), as its repository computes it; Miyato et al., ICLR 2018
(hinge losses, as PLG-MI uses them).
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def wasserstein_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """The critic's loss without its penalty: mean score of fakes, less that of reals; any sign."""
    return fake_scores.mean() - real_scores.mean()


def gradient_penalty(scores: Tensor, images: Tensor) -> Tensor:
    """Mean of (|d score / d image|_2 - 1)^2, the norm over all pixels of an image.

    Args:
        scores: of ``images``, each the image's own.
        images: with ``requires_grad``, [N, C, H, W]; between reals and fakes, see ``mixed``.

    Returns:
        At least 0, differentiable; the weight is the caller's.
    """
    (gradient,) = torch.autograd.grad(scores.sum(), images, create_graph=True)
    norms: Tensor = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
    return (norms - 1).square().mean()


def mixed(reals: Tensor, fakes: Tensor, shares: Tensor) -> Tensor:
    """Images on the line from a real to a fake: x + a (G(z) - x) for shares a in [0, 1), [N]."""
    return torch.lerp(reals, fakes, shares[:, None, None, None])


def realness_loss(scores: Tensor) -> Tensor:
    """Minus the mean score: what the generators of WGAN and PLG-MI minimise."""
    return -scores.mean()


def labelled_loss(logits: Tensor, probabilities: Tensor) -> Tensor:
    """Cross entropy with a target's probabilities, in nats.

    Args:
        logits: of the discriminator for public images, [N, K].
        probabilities: of the target for the same images, [N, K].
    """
    return F.cross_entropy(logits, probabilities)


def unlabelled_loss(real_logits: Tensor, fake_logits: Tensor) -> Tensor:
    """Half the loss of telling reals from fakes: -log p(real) - log(1 - p(real of fakes)).

    p(real) = Z / (Z + 1), Z = sum over classes of exp(logit): the logit of "fake" is 0.
    """
    of_fakes = F.softplus(fake_logits.logsumexp(dim=1)).mean()
    return 0.5 * (F.softplus(-real_logits.logsumexp(dim=1)).mean() + of_fakes)


def feature_matching(fake_features: Tensor, real_features: Tensor) -> Tensor:
    """Mean absolute difference of the features' means, over the features [N, D] of two batches."""
    return (fake_features.mean(dim=0) - real_features.mean(dim=0)).abs().mean()


def entropy_sum(logits: Tensor) -> Tensor:
    """Entropy of the predicted classes in nats, summed over the batch as published."""
    logarithms = logits.log_softmax(dim=1)
    return -(logarithms.exp() * logarithms).sum()


def hinge_loss(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Mean of max(0, 1 - real) plus mean of max(0, 1 + fake); at least 0."""
    return F.relu(1 - real_scores).mean() + F.relu(1 + fake_scores).mean()
