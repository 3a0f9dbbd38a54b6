"""Settings of KED-MI's recovery."""

from dataclasses import dataclass

from mirage.attacks.inversion_recipe import InversionRecipe
from mirage.recipes import require


@dataclass(frozen=True)
class KedRecoveryRecipe(InversionRecipe):
    """How distributions of latents descend, beside what all inversions share.

    Attributes:
        lr: learning rate of Adam with its usual betas.
        n_samples: latents drawn of each class's distribution in the end.
        clamp: clamp latents to [-1, 1], in every pass and of the results (LOMMA's code, and so the
            paper's rows); false: nowhere (KED-MI's code; quirk clamped-samples).
    """

    lr: float = 0.02
    n_samples: int = 5
    clamp: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        require(self.lr > 0, "lr", self.lr, "a positive learning rate")
        require(self.n_samples > 0, "n_samples", self.n_samples, "at least 1")
