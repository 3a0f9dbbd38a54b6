"""Settings of GMI."""

from dataclasses import dataclass
from typing import Literal

from mirage.attacks.inversion_recipe import InversionRecipe
from mirage.recipes import require


@dataclass(frozen=True)
class GmiRecoveryRecipe(InversionRecipe):
    """How latents descend, beside what all inversions share.

    Attributes:
        lr: learning rate of Nesterov's SGD.
        momentum: its momentum.
        restarts: results of each class; none of them is chosen (quirk unchosen-restarts).
        seeding: ``own``, every class starts from latents of its own (LOMMA's code, and so the
            paper's rows), or ``same``, every official batch starts from the same ones (KED-MI's
            code; quirk repeated-starts).
    """

    lr: float = 0.02
    momentum: float = 0.9
    restarts: int = 5
    seeding: Literal["own", "same"] = "own"

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.lr > 0, "lr", self.lr, "a positive learning rate")
        require(0 <= self.momentum < 1, "momentum", self.momentum, "a value in [0, 1)")
        require(self.restarts > 0, "restarts", self.restarts, "at least 1")
