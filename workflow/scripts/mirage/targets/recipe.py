"""Settings of one training."""

from dataclasses import dataclass, field
from typing import Literal

from mirage.numerics import Precision
from mirage.optimisers import OptimiserRecipe
from mirage.recipes import Recipe, require
from mirage.targets.architectures.registry import Auxiliary
from mirage.targets.augmentation import AugmentationRecipe
from mirage.targets.schedules import ScheduleRecipe
from mirage.targets.smoothing import Ramp


@dataclass(frozen=True)
class TrainingRecipe(Recipe):
    """How a target, an evaluation model or a student is trained.

    Attributes:
        epochs: number of epochs.
        batch_size: images per step.
        optimiser: optimiser and its base learning rate.
        schedule: fall of the learning rate, by epoch.
        augmentation: training augmentation.
        alpha: label smoothing factor in (-inf, 1].
        ramp: how a negative factor sets in; see ``smoothing.smoothing_at``.
        keep: ``last`` epoch's weights (official code), or the ``best`` on the test set, the
            earliest of equals.
        stop_accuracy: end after the first epoch whose test accuracy reaches this (early stopping,
            paper C.6); None trains to the end.
        precision: arithmetic of the training; see ``mirage.numerics``.
        compile: let torch.compile fuse the network.
        auxiliary: fidelity of Inception's auxiliary head; see ``architectures.build``.
    """

    epochs: int
    batch_size: int
    optimiser: OptimiserRecipe
    schedule: ScheduleRecipe = field(default_factory=ScheduleRecipe)
    augmentation: AugmentationRecipe = field(default_factory=AugmentationRecipe)
    alpha: float = 0.0
    ramp: Ramp = "published"
    keep: Literal["last", "best"] = "last"
    stop_accuracy: float | None = None
    precision: Precision = "fp32"
    compile: bool = False
    auxiliary: Auxiliary = "paper"

    def __post_init__(self) -> None:
        require(self.epochs >= 1, "epochs", self.epochs, "one or more")
        require(self.batch_size >= 2, "batch_size", self.batch_size, "two or more (batch norm)")
        require(self.alpha <= 1, "alpha", self.alpha, "a smoothing factor of at most 1")
        stop = self.stop_accuracy
        require(stop is None or 0 < stop <= 1, "stop_accuracy", stop, "a share in (0, 1] or none")

    @property
    def watches_test(self) -> bool:
        """Whether the test set decides anything during training."""
        return self.keep == "best" or self.stop_accuracy is not None
