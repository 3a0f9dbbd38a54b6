"""FGSM, BIM and PGD: steps along the sign of the gradient.

Images lie in [0, 1] and stay there, as floating point numbers that are never rounded. The last
image counts, not the best one. An image whose gradient is exactly zero stays where it is.

Source: Goodfellow et al. 2015 (FGSM); Kurakin et al. 2017 (BIM); Madry et al. 2018 (PGD); details
as torchattacks 3.5.1, to the bit (quirks attacked-range, shared-mean).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from mirage.evaluation.measures.adversarial.goals import Climbed
from mirage.evaluation.measures.adversarial.seen import Seen


class Climb(NamedTuple):
    """What is climbed on some images.

    Attributes:
        model: shows the images to the classifier.
        images: float32 [N, C, H, W] in [0, 1], on the device.
        classes: the true ones, or those to be reached, int64 [N], on the device.
        goal: what shall grow.
        share: images whose losses share a mean.
    """

    model: Seen
    images: Tensor
    classes: Tensor
    goal: Climbed
    share: int

    def look(self, at: Tensor, turn: int) -> tuple[Tensor, Tensor, Tensor]:
        """Gradient, values and logits of changed images; ``turn`` is the number of the pass."""
        x = at.detach().requires_grad_()
        logits = self.model(x, turn)
        values = self.goal(logits, self.classes)
        (gradient,) = torch.autograd.grad(values.sum() / self.share, x)
        return gradient, values.detach(), logits.detach()


def leap(climb: Climb, epsilon: float) -> tuple[Tensor, Tensor]:
    """FGSM: one step of length ``epsilon``.

    Returns:
        The changed images, and which gradients are exactly zero, bool [N].
    """
    gradient, _, _ = climb.look(climb.images, 0)
    still = (gradient == 0).flatten(1).all(dim=1)
    return (climb.images + epsilon * gradient.sign()).clamp(0, 1), still


def walk(climb: Climb, start: Tensor, epsilon: float, step: float, steps: int) -> Tensor:
    """BIM (from the image itself) and PGD (from a random start): steps within ``epsilon``."""
    at = start
    for turn in range(steps):
        gradient, _, _ = climb.look(at, turn)
        change = (at + step * gradient.sign() - climb.images).clamp(-epsilon, epsilon)
        at = (climb.images + change).clamp(0, 1)
    return at


def within(images: Tensor, changed: Tensor, epsilon: float) -> Tensor:
    """The nearest images in [0, 1] that differ from ``images`` by ``epsilon`` at most."""
    return changed.clamp(images - epsilon, images + epsilon).clamp(0, 1)
