"""Logits and accuracy of a trained classifier."""

import torch
from torch import Tensor

from mirage.targets.architectures import Classifier
from mirage.targets.images import network_range


@torch.no_grad()
def predict(model: Classifier, images: Tensor, device: str, batch: int = 256) -> Tensor:
    """Logits in eval mode; the model's mode is put back afterwards.

    Args:
        model: classifier, on ``device``.
        images: [N, C, H, W], uint8 or floating point in [-1, 1], on any device.
        device: where to compute.
        batch: images per forward pass; has no part in the result.

    Returns:
        float32 [N, K] on the CPU.
    """
    training = model.training
    model.eval()
    parts = [
        model(network_range(part.to(device, non_blocking=True))).float()
        for part in torch.split(images, batch)
    ]
    model.train(training)
    return torch.cat(parts).cpu()


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of rows whose largest logit is the label's, in [0, 1]."""
    return float((logits.argmax(dim=1) == labels).double().mean())
