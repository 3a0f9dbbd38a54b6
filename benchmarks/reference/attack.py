"""Stage 2 as the official flow has it: one batch after the other, gradients for every weight."""

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torchvision.transforms import RandomResizedCrop
from torchvision.transforms import functional as tv

Synthesis = Callable[[Tensor], Tensor]


def random_crop(image_px: int) -> Callable[[Tensor], Tensor]:
    """One crop for the whole batch tensor, as torchvision draws it."""
    return RandomResizedCrop(image_px, scale=(0.9, 1.0), ratio=(1.0, 1.0), antialias=True)


def poincare(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean Poincare distance between L1-normalised logits and 0.9999 one-hot vectors (Eq. 16)."""
    u = logits / logits.abs().sum(dim=1, keepdim=True)
    v = torch.zeros_like(u).scatter(1, targets[:, None], 0.9999)
    gap = (u - v).square().sum(dim=1)
    room = (1 - u.square().sum(dim=1)) * (1 - v.double().square().sum(dim=1)).to(u)
    return torch.acosh(1 + 2 * gap / room).mean()


def loss_of(
    synthesis: Synthesis,
    target: nn.Module,
    w: Tensor,
    targets: Tensor,
    crop_px: int,
    image_px: int,
    crop: Callable[[Tensor], Tensor],
) -> Tensor:
    """Mean loss of a batch of single-w latents [N, w_dim]."""
    images = tv.resize(tv.center_crop(synthesis(w), [crop_px]), [image_px], antialias=True)
    return poincare(target(crop(images)), targets)


def optimise(
    synthesis: Synthesis,
    target: nn.Module,
    latents: Tensor,
    targets: Tensor,
    batch_size: int,
    steps: int,
    lr: float,
    crop_px: int,
    image_px: int,
) -> Tensor:
    """Optimise latents [N, w_dim] batch by batch, each with a fresh Adam."""
    crop, done = random_crop(image_px), []
    for start, labels in zip(latents.split(batch_size), targets.split(batch_size), strict=True):
        w = start.clone().requires_grad_()
        adam = torch.optim.Adam([w], lr=lr, betas=(0.1, 0.1))
        for _ in range(steps):
            loss = loss_of(synthesis, target, w, labels, crop_px, image_px, crop)
            adam.zero_grad()
            loss.backward()
            adam.step()
        done.append(w.detach())
    return torch.cat(done)
