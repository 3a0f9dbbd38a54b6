"""Settings that the attacks on 64 px faces share: GMI, KED-MI, and LOMMA on both."""

from dataclasses import dataclass
from typing import Annotated

from mirage.attacks.losses import LOSSES
from mirage.marks import In
from mirage.recipes import Precision, Recipe, require
from mirage.visible import listed


@dataclass(frozen=True)
class InversionRecipe(Recipe):
    """What is minimised and for how long; defaults are GMI's and KED-MI's code.

    LOMMA is either attack with ``loss: identity``, ``feature_weight: 1.0`` and ``students``.

    Attributes:
        steps: optimiser steps (quirk final-iterate).
        batch_size: classes of one official batch (quirk coupled-identities).
        loss: name of an attack loss; LOMMA's is ``identity``, the negative logit.
        identity_weight: of the identity loss beside the prior's.
        feature_weight: of the feature regulariser within the identity loss; 0 leaves it out
            (LOMMA: 1.0; quirk overwritten-draw).
        students: whose losses are averaged with the target's; None for the target alone.
        precision: arithmetic of generator and networks; see ``mirage.numerics``.
    """

    steps: int = 2400
    batch_size: int = 60
    loss: str = "cross_entropy"
    identity_weight: float = 100.0
    feature_weight: float = 0.0
    students: Annotated[str, In("students")] | None = None
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        require(self.steps >= 0, "steps", self.steps, "0 or more")
        require(self.batch_size > 0, "batch_size", self.batch_size, "at least 1")
        require(self.loss in LOSSES, "loss", self.loss, f"one of {listed(LOSSES)}")
        for name in ("identity_weight", "feature_weight"):
            require(getattr(self, name) >= 0, name, getattr(self, name), "zero or more")
