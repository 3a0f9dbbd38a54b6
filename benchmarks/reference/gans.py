"""The low-resolution GANs trained as published: a pass for each batch, backward, PyTorch's Adam."""

from collections.abc import Callable, Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

Draw = Callable[[str, int], tuple[Tensor, Tensor]]
"""(name, step) -> latents [N, z_dim] and shares [N] of a step."""


def step(optimiser: torch.optim.Optimizer, loss: Tensor) -> None:
    """Backward into all that requires a gradient, and one step."""
    optimiser.zero_grad()
    loss.backward()
    optimiser.step()


def trainable(network: nn.Module, yes: bool) -> None:
    """Freeze or thaw, as the published loops do before each step."""
    for parameter in network.parameters():
        parameter.requires_grad = yes


def penalty(critic: nn.Module, reals: Tensor, fakes: Tensor, shares: Tensor) -> Tensor:
    """Squared distance of the gradients' norms from 1, at images between the two batches."""
    a = shares.view(-1, 1, 1, 1).expand_as(reals)
    between = (reals + a * (fakes - reals)).requires_grad_()
    scores = critic(between)
    (gradients,) = torch.autograd.grad(
        scores, between, torch.ones_like(scores), create_graph=True, retain_graph=True
    )
    return ((gradients.view(len(reals), -1).norm(2, dim=1) - 1) ** 2).mean()


def wgan(
    generator: nn.Module, critic: nn.Module, batches: Iterator[Tensor], draw: Draw, every: int,
    optimisers: tuple[Any, Any],
) -> None:  # fmt: skip
    """Train on reals in [0, 1]; the generator every few steps."""
    for number, reals in enumerate(batches):
        trainable(generator, False)
        trainable(critic, True)
        z, shares = draw("critic", number)
        fakes = generator(z)
        loss = -(critic(reals).mean() - critic(fakes).mean())
        step(optimisers[1], loss + 10 * penalty(critic, reals, fakes.detach(), shares))
        if (number + 1) % every == 0:
            trainable(generator, True)
            trainable(critic, False)
            step(optimisers[0], -critic(generator(draw("generator", number)[0])).mean())


def ked(
    generator: nn.Module, judge: nn.Module, target: nn.Module,
    batches: Iterator[tuple[Tensor, Tensor, Tensor]], draw: Draw, every: int,
    optimisers: tuple[Any, Any],
) -> None:  # fmt: skip
    """Train on reals in [0, 1], labelled, unlabelled and to be matched; ``target`` as it is."""
    for number, (known, reals, matched) in enumerate(batches):
        trainable(generator, False)
        trainable(judge, True)
        fakes = generator(draw("discriminator", number)[0])
        soft = F.softmax(target(2 * known - 1), dim=-1)
        labelled = -(soft * F.log_softmax(judge(known)[1], dim=-1)).sum(dim=1).mean()
        of_reals, of_fakes = (judge(images)[1].logsumexp(dim=-1) for images in (reals, fakes))
        unlabelled = F.softplus(of_reals).mean() - of_reals.mean() + F.softplus(of_fakes).mean()
        step(optimisers[1], labelled + 0.5 * unlabelled)
        if (number + 1) % every == 0:
            trainable(generator, True)
            trainable(judge, False)
            features, logits = judge(generator(draw("generator", number)[0]))
            p = F.softmax(logits, dim=-1)
            matching = (features.mean(dim=0) - judge(matched)[0].mean(dim=0)).abs().mean()
            step(optimisers[0], matching - 1e-4 * (p * p.log()).sum())
