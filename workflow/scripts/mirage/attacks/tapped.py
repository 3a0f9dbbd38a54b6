"""A target as LOMMA sees it: penultimate features and logits of one pass, and public features."""

import torch
from torch import Tensor

from mirage.attacks.terms import feature_statistics
from mirage.numerics import at_precision
from mirage.recipes import Precision
from mirage.streams import generator
from mirage.targets.architectures import Classifier
from mirage.targets.bottleneck import Bottleneck
from mirage.targets.images import network_range
from mirage.targets.noise import width_of

PUBLIC_IMAGES = 5050
"""Photographs of which LOMMA's code takes its feature statistics: 101 batches of 50."""


class TappedTarget:
    """A classifier that gives the input of its last linear layer beside its logits.

    With MID's bottleneck that input is the code; what is given is its mean mu, without the noise
    (quirk undefined-features).

    Attributes:
        noise_width: normal values that a pass takes for each image; see ``targets.noise``.
    """

    def __init__(self, classifier: Classifier, precision: Precision = "fp32") -> None:
        """Wrap a frozen classifier in eval mode, which computes at a precision."""
        self._network = at_precision(classifier, precision)
        self._bottleneck = classifier.head if isinstance(classifier.head, Bottleneck) else None
        self.noise_width = width_of(classifier)

    def __call__(self, images: Tensor, *noise: Tensor) -> tuple[Tensor, Tensor]:
        """Features [N, D] and logits [N, K] of images [N, C, H, W] in [-1, 1]."""
        pooled = self._network.features(images)
        logits: Tensor = self._network.head(pooled, *noise)
        return self._penultimate(pooled), logits

    def features(self, images: Tensor) -> Tensor:
        """The features alone, of images of any kind ``network_range`` takes."""
        return self._penultimate(self._network.features(network_range(images)))

    def _penultimate(self, pooled: Tensor) -> Tensor:
        return pooled if self._bottleneck is None else self._bottleneck.means(pooled)


def public_features(
    target: TappedTarget, images: Tensor, seed: int, batch: int, device: str
) -> Tensor:
    """Mean penultimate features of public photographs, p_reg, [D].

    Args:
        target: attacked model, on the device.
        images: uint8 [N, C, H, W]; 5,050 of them are drawn, or all where there are fewer.
        seed: of the attack, names the draw.
        batch: images per pass.
        device: where the target lies.

    Raises:
        MirageError: features that are no finite numbers.

    Source: LOMMA's code, which shuffles its public list (quirk overwritten-draw: the mean is all
    that it uses).
    """
    stream = generator(seed, "attacks", "recovery", "public")
    chosen = torch.randperm(len(images), generator=stream)[:PUBLIC_IMAGES]
    return feature_statistics(target, images[chosen], batch, device).mean
