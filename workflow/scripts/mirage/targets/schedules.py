"""Learning rate by epoch."""

import math

from mirage.targets.recipe import ScheduleRecipe


def learning_rate(schedule: ScheduleRecipe, base: float, epoch: int, epochs: int) -> float:
    """Learning rate in force during one epoch.

    Args:
        schedule: how it falls.
        base: rate of epoch 0.
        epoch: counted from 0.
        epochs: number of epochs; the cosine's half period.

    Source: paper B.3 (multistep); official student (cosine per epoch to a floor; quirk
    student-recipe). Same values as PyTorch's MultiStepLR, CosineAnnealingLR.
    """
    if schedule.name == "multistep":
        return base * schedule.gamma ** sum(epoch >= m for m in schedule.milestones)
    if schedule.name == "cosine":
        cosine = math.cos(math.pi * epoch / epochs)
        return schedule.floor + (base - schedule.floor) * (1 + cosine) / 2
    return base
