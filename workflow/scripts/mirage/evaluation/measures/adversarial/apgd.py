"""APGD: steps with momentum whose length halves where it leads nowhere, image by image.

Source: Croce and Hein 2020, arXiv 2003.01690, Algorithm 1 and Section 3, on [0, 1] and with l_inf.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from mirage.evaluation.measures.adversarial.gradient_attacks import Climb, within
from mirage.evaluation.measures.adversarial.seen import predictions

_MOMENTUM = 0.25  # share of the step before
_RISES = 0.75  # share of steps that must raise the value for a step's length to be kept


def apgd(climb: Climb, start: Tensor, epsilon: float, steps: int) -> Tensor:
    """Attack images until one version of each is misclassified.

    Args:
        climb: on images with their true classes.
        start: changed images to start from.
        epsilon: largest change of a value.
        steps: after the start.

    Returns:
        The prediction of the first version that is not predicted as its class, else of the last,
        int64 [N].
    """
    gradient, values, logits = climb.look(start, 0)
    at, before, found = start, start, predictions(logits)
    best, best_gradient, best_values = at, gradient, values
    length = torch.full_like(values, 2 * epsilon)
    halved, checked, rises = torch.ones_like(values, dtype=torch.bool), values, 0 * values
    ends = dict(checkpoints(steps))
    for turn in range(1, steps + 1):
        straight = within(climb.images, at + _wide(length, at) * gradient.sign(), epsilon)
        kept = 0.0 if turn == 1 else _MOMENTUM
        moved = at + (1 - kept) * (straight - at) + kept * (at - before)
        at, before = within(climb.images, moved, epsilon), at
        last = values
        gradient, values, logits = climb.look(at, turn)
        found = torch.where(found == climb.classes, predictions(logits), found)
        rises = rises + (values > last)
        better = values > best_values
        best, best_gradient = (
            torch.where(_wide(better, at), now, held)
            for now, held in ((at, best), (gradient, best_gradient))
        )
        best_values = torch.where(better, values, best_values)
        if turn in ends:
            stuck = ~halved & (best_values <= checked)
            halved, checked = (rises <= _RISES * ends[turn]) | stuck, best_values
            rises = torch.zeros_like(rises)
            length = torch.where(halved, length / 2, length)
            at = torch.where(_wide(halved, at), best, at)
            gradient = torch.where(_wide(halved, at), best_gradient, gradient)
    return found


def checkpoints(steps: int) -> Iterator[tuple[int, int]]:
    """Steps after which lengths are looked at, each with the steps since the one before.

    After 22 % of all steps, then after ever fewer, by 3 %, down to 6 %.
    """
    period, less, least = (max(int(share * steps), 1) for share in (0.22, 0.03, 0.06))
    turn = period
    while turn <= steps:
        yield turn, period
        period = max(period - less, least)
        turn += period


def _wide(values: Tensor, images: Tensor) -> Tensor:
    return values.view(-1, *[1] * (images.ndim - 1))
