"""Settings of the adversarial measure."""

from dataclasses import dataclass
from typing import Annotated, TypeAlias

from mirage.marks import Count, Seed, bounded
from mirage.recipes import Precision, Recipe

UnitLength: TypeAlias = Annotated[float, bounded(above=0, most=1)]
"""A change of pixel values in [0, 1], whatever the range that a network sees."""

_LEAST = 5
"""Members of a population at least: SciPy's rule."""


@dataclass(frozen=True)
class AdversarialRecipe(Recipe):
    """How far images are changed, and how often.

    Attributes:
        epsilon: largest change of a value; 8/255 of [0, 1] are 16/255 of [-1, 1].
        step: of the iterative attacks; FGSM's is ``epsilon``.
        steps: of the iterative attacks.
        population: of the one-pixel attack, before it is rounded to its unknowns.
        generations: of the one-pixel attack.
        loss_batch: images whose losses share a mean, which the gradient is of (quirk
            shared-mean); not what goes to the device at once.
        apgd_steps: of the check that changes its step by itself; AutoAttack has 100.
        seed: of targets, starts and searches, which all models share.
        precision: arithmetic of the classifier.

    Source: paper C.8; torchattacks 3.5.1 for what it leaves open. ``apgd_steps`` is ours.
    """

    epsilon: UnitLength = 8 / 255
    step: UnitLength = 2 / 255
    steps: Count = 10
    population: Count = 10
    generations: Count = 10
    loss_batch: Count = 64
    apgd_steps: Count = 20
    seed: Seed = 42
    precision: Precision = "fp32"

    def members(self, channels: int) -> int:
        """Members of the population: a multiple of the unknowns, row, column and channels.

        10 for colours, 9 for grey.
        """
        unknowns = 2 + channels
        return max(_LEAST, max(1, self.population // unknowns) * unknowns)
