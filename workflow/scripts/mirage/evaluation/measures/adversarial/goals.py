"""What adversarial attacks climb: functions of logits and classes, one value per image."""

from collections.abc import Callable
from typing import TypeAlias

from torch import Tensor
from torch.nn import functional

from mirage.errors import MirageError

Climbed: TypeAlias = Callable[[Tensor, Tensor], Tensor]
"""(logits [N, K], classes int64 [N]) -> what grows as the attack succeeds, [N]."""


def away(logits: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy to the true class: to be predicted as anything else."""
    return functional.cross_entropy(logits, labels, reduction="none")


def towards(logits: Tensor, targets: Tensor) -> Tensor:
    """Minus the cross-entropy to another class: to be predicted as that."""
    return -functional.cross_entropy(logits, targets, reduction="none")


def tempered(temperature: float) -> Climbed:
    """Cross-entropy of logits divided by a temperature.

    Source: Carlini and Wagner 2016, arXiv 1607.04311.
    """

    def climbed(logits: Tensor, labels: Tensor) -> Tensor:
        return away(logits / temperature, labels)

    return climbed


def gap(logits: Tensor, labels: Tensor) -> Tensor:
    """How far the best other logit lies above the class's own: it never saturates.

    Source: Carlini and Wagner 2017, arXiv 1608.04644.
    """
    own = logits.gather(1, labels[:, None])[:, 0]
    return logits.scatter(1, labels[:, None], float("-inf")).amax(dim=1) - own


def dlr(logits: Tensor, labels: Tensor) -> Tensor:
    """Difference of logits ratio: ``gap`` in units of the first logit's lead over the third.

    No shift or scale of the logits changes it.

    Raises:
        MirageError: fewer than three classes.

    Source: Croce and Hein 2020, arXiv 2003.01690.
    """
    if logits.shape[1] < 3:
        raise MirageError(
            f"the difference of logits ratio of {logits.shape[1]} classes", "three or more"
        )
    first, _, third = logits.topk(3, dim=1).values.unbind(dim=1)
    return gap(logits, labels) / (first - third + 1e-12)
