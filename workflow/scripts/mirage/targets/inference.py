"""Logits and accuracy of a trained classifier."""

from collections.abc import Callable

import torch
from torch import Tensor

from mirage.data.views import LabelledImages
from mirage.errors import MirageError
from mirage.finite import rows_finite
from mirage.numerics import numerics
from mirage.recipes import Precision
from mirage.streams import generator
from mirage.targets.architectures import Classifier
from mirage.targets.calibration_error import calibration_error
from mirage.targets.images import network_range
from mirage.targets.noise import drawn, rows_of
from mirage.targets.smoothing import smoothed_cross_entropy


@torch.no_grad()
def predict(
    model: Classifier,
    images: Tensor,
    device: str,
    batch: int = 256,
    stream: torch.Generator | None = None,
    show: Callable[[Tensor], Tensor] = network_range,
) -> Tensor:
    """Logits in eval mode; the model's mode is put back afterwards.

    Args:
        model: classifier, on ``device``.
        images: [N, C, H, W], uint8 or floating point in [-1, 1], on any device.
        device: where to compute.
        batch: images per forward pass; has no part in the result.
        stream: of the noise, for a network that draws some.
        show: what makes images for the network of stored ones.

    Returns:
        float32 [N, K] on the CPU.
    """
    training = model.training
    model.eval()
    noise = None if stream is None else drawn(model, stream, len(images))
    parts = []
    for first in range(0, len(images), batch):
        rows = slice(first, first + batch)
        shown = show(images[rows].to(device, non_blocking=True))
        parts.append(model(shown, *rows_of(noise, rows, device)).float())
    model.train(training)
    return torch.cat(parts).cpu()


def judge(
    model: Classifier,
    train: LabelledImages,
    test: LabelledImages | None,
    device: str,
    precision: Precision,
    seed: int,
) -> dict[str, float]:
    """Judge a classifier without augmentation.

    Args:
        model: on ``device``.
        train: images it was trained on.
        test: images it was not, or None.
        device: where to compute.
        precision: that of its training, or of the evaluation where others trained it; see
            ``mirage.numerics``.
        seed: of the noise, for a network that draws some.

    Returns:
        ``train_accuracy``, and with a test set ``test_accuracy``, ``test_loss`` (hard labels) and
        ``calibration_error``.

    Raises:
        MirageError: logits that are no finite numbers.
    """
    with numerics(precision, device):
        seen = [
            finite_logits(model, images, device, stream=generator(seed, "noise", name))
            for name, images in (("train", train), ("test", test))
            if images is not None
        ]
    metrics = {"train_accuracy": accuracy(seen[0], train.labels)}
    if test is not None:
        logits, labels = seen[1], test.labels
        metrics["test_accuracy"] = accuracy(logits, labels)
        metrics["test_loss"] = float(smoothed_cross_entropy(logits.double(), labels, 0.0))
        metrics["calibration_error"] = calibration_error(logits.softmax(dim=1), labels)
    return metrics


def finite_logits(
    model: Classifier,
    images: LabelledImages,
    device: str,
    batch: int = 256,
    stream: torch.Generator | None = None,
    show: Callable[[Tensor], Tensor] = network_range,
) -> Tensor:
    """What ``predict`` gives, whose arguments these are.

    Raises:
        MirageError: some are no finite numbers; the classes of their images are named.
    """
    logits = predict(model, images.pixels, device, batch, stream, show)
    lost = ~rows_finite(logits)
    if lost.any():
        classes = ", ".join(map(str, torch.unique(images.labels[lost.cpu()]).tolist()[:10]))
        raise MirageError(
            f"the classifier gives no finite logits for {int(lost.sum())} of {len(lost)} images, "
            f"of class {classes}",
            remedy="lower the learning rate of its training, or check the weights it was given",
        )
    return logits


def accuracy(logits: Tensor, labels: Tensor) -> float:
    """Share of rows whose largest logit is the label's, in [0, 1]."""
    return float(hits(logits, labels).double().mean())


def hits(logits: Tensor, labels: Tensor) -> Tensor:
    """Which rows have their label's logit as the largest, bool [N]; none that is not finite."""
    return (logits.argmax(dim=1) == labels) & rows_finite(logits)
