"""PLG-MI's choice of public images that stand for the target's classes.

Source: Yuan et al., AAAI 2023 (PLG-MI), by its repository's code.
"""

import logging
from typing import NamedTuple

import torch
from torch import Tensor

from mirage.errors import MirageError
from mirage.finite import rows_finite
from mirage.streams import generator
from mirage.targets.architectures import Classifier
from mirage.targets.inference import predict
from mirage.visible import listed

_log = logging.getLogger("mirage")


class PseudoLabels(NamedTuple):
    """What stands for each class.

    Attributes:
        images: places of the public images, the most probable first, int64 [K, n]; an image may
            stand for several classes.
        seen: public images that the target takes for the class, int64 [K].
        tied: classes whose last image is no more probable than one left out, bool [K]: there the
            order of the images decides.
    """

    images: Tensor
    seen: Tensor
    tied: Tensor


def choose(probabilities: Tensor, top_n: int) -> PseudoLabels:
    """Take the images that are most probable for each class.

    Args:
        probabilities: float32, of each public image, [N, K].
        top_n: images per class.

    Returns:
        Of equal probabilities the later image is taken, as published, where the images' order is
        that of their paths (quirk tied-pseudo-labels).

    Raises:
        MirageError: there are fewer images, or a probability is no finite number.
    """
    count = len(probabilities)
    if count < top_n:
        raise MirageError(
            f"{top_n} public images shall stand for each class and there are {count}",
            f"top_n of at most {count}",
            "lower top_n in the prior's recipe",
        )
    lost = int((~rows_finite(probabilities)).sum())
    if lost:
        raise MirageError(
            f"the target gives no finite logits for {lost} of {count} public images",
            remedy="check its weights",
        )
    later_first = probabilities.flip(0)
    values, order = later_first.sort(dim=0, descending=True, stable=True)
    images = (count - 1 - order[:top_n]).t().contiguous()
    beyond = values[top_n] if count > top_n else torch.full_like(values[0], -1.0)
    seen = torch.bincount(probabilities.argmax(dim=1), minlength=probabilities.shape[1])
    return PseudoLabels(images, seen, values[top_n - 1] == beyond)


def label(target: Classifier, images: Tensor, top_n: int, seed: int, device: str) -> PseudoLabels:
    """Let the target choose, and tell in the log where it found little.

    Args:
        target: frozen, on ``device``.
        images: public images, uint8 [N, C, px, px].
        top_n: images per class.
        seed: of the noise, for a target that draws some.
        device: where to compute.
    """
    stream = generator(seed, "priors", "plg", "pseudo-labels")
    chosen = choose(predict(target, images, device, stream=stream).softmax(dim=1), top_n)
    unseen = torch.nonzero(chosen.seen == 0)[:, 0].tolist()
    if unseen:
        _log.warning(
            "the target takes no public image for %d of its %d classes (%s): the images that stand "
            "for them may not look alike", len(unseen), len(chosen.seen), listed(unseen),
        )  # fmt: skip
    tied = torch.nonzero(chosen.tied)[:, 0].tolist()
    if tied:
        _log.warning(
            "the target finds public images equally probable for %d of its %d classes (%s): the "
            "order of the images decides which stand for them", len(tied), len(chosen.tied),
            listed(tied),
        )  # fmt: skip
    return chosen
