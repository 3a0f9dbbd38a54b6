"""Settings of the candidate pool, which all attacks on a prior share."""

from dataclasses import dataclass
from typing import Literal

from mirage.recipes import Precision, Recipe, require


@dataclass(frozen=True)
class PoolRecipe(Recipe):
    """How candidates are drawn and shown to the targets.

    Attributes:
        size: number of latents (paper B.4: 2,000 FaceScrub, 5,000 CelebA).
        seed: of the latents z (paper: the attack's seed, 42).
        psi: truncation towards the mean w, in [0, 1].
        cutoff: only the first ``cutoff`` layers are truncated; None truncates all.
        clip: clamp images to [-1, 1] before they are resized (official code: true here, and only
            here; quirk clipped-pool).
        fidelity: ``paper`` rates images whose layers from ``cutoff`` on use the untruncated w,
            although the optimisation starts from the truncated w (quirk partly-truncated-pool);
            ``corrected`` rates the images the optimisation starts from.
        precision: arithmetic of the synthesis; see ``mirage.numerics``.
    """

    size: int
    seed: int = 42
    psi: float = 0.5
    cutoff: int | None = 8
    clip: bool = True
    fidelity: Literal["paper", "corrected"] = "paper"
    precision: Precision = "fp32"

    def __post_init__(self) -> None:
        require(self.size > 0, "size", self.size, "at least one candidate")
        require(0 <= self.seed < 2**32, "seed", self.seed, "a value in [0, 2^32)")
        require(0 <= self.psi <= 1, "psi", self.psi, "a value in [0, 1]")
        require(self.cutoff is None or self.cutoff > 0, "cutoff", self.cutoff, "1 or more, or null")
