"""Target training as published: each image is transformed alone, then the batch is stacked."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torchvision import transforms


def transform(
    image_px: int, strengths: dict[str, Any], pillow: bool = False
) -> Callable[[Any], Tensor]:
    """The published order: tensor, crop, jitter, mirror, normalise (paper B.3).

    With ``pillow`` images become tensors after the mirror: Pillow does the rest, in 8 bits.
    """
    tensor = [transforms.ToTensor()]
    change = [
        transforms.RandomResizedCrop(
            image_px, strengths["crop_scale"], strengths["crop_ratio"], antialias=True
        ),
        transforms.ColorJitter(*(strengths[n] for n in _JITTER)),
        transforms.RandomHorizontalFlip(strengths["flip"]),
    ]
    steps = [*change, *tensor] if pillow else [*tensor, *change]
    return transforms.Compose([*steps, plain_normalise])


_JITTER = ("brightness", "contrast", "saturation", "hue")


def plain_normalise(image: Tensor) -> Tensor:
    """[0, 1] to [-1, 1]."""
    return transforms.functional.normalize(image, [0.5], [0.5])


def batches(
    images: list[Any], labels: Tensor, rows: Tensor, size: int, change: Callable[[Any], Tensor]
) -> Iterable[tuple[Tensor, Tensor]]:
    """Transform and stack the images of ``rows``, ``size`` at a time."""
    for chosen in rows.split(size):
        yield torch.stack([change(images[row]) for row in chosen.tolist()]), labels[chosen]


def train(
    model: nn.Module,
    epochs: Iterable[Iterable[tuple[Tensor, Tensor]]],
    alpha: float,
    optimiser: torch.optim.Optimizer,
) -> list[float]:
    """Train with label smoothing; the mean loss of each epoch."""
    model.train()
    losses = []
    for epoch in epochs:
        total = count = 0
        for images, labels in epoch:
            loss = F.cross_entropy(model(images), labels, label_smoothing=alpha)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            total, count = total + loss.item() * len(labels), count + len(labels)
        losses.append(total / count)
    return losses


@torch.no_grad()
def accuracy(model: nn.Module, images: Tensor, labels: Tensor, size: int) -> float:
    """Share of images whose highest logit is their class."""
    model.eval()
    found = torch.cat([model(part).argmax(dim=1) for part in images.split(size)])
    return (found == labels).double().mean().item()
