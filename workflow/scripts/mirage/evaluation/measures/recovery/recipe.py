"""How the attacks of Table 8 are measured."""

from dataclasses import dataclass
from typing import Annotated, Literal

from mirage.marks import Omissible, bounded
from mirage.recipes import Recipe

Count = Annotated[int, bounded(least=1)]


@dataclass(frozen=True)
class RecoveryRecipe(Recipe):
    """What the ``paper`` reading takes, which the attacks' own programs do in different ways.

    The defaults are PLG-MI's; ``corrected`` takes all attacked classes as one batch, and all their
    images, whatever stands here.

    Attributes:
        evaluator: role of the network that tells accuracies and distances.
        fid: role of the network of the FID in the ``corrected`` reading.
        compatible_fid: ... in the ``paper`` reading (quirk halved-range).
        batch: classes in a batch; the ± is a spread over images, taken in each batch (quirk
            seed-spread).
        classes: the first so many of the attacked count; null: all.
        distance_classes: the first so many of these add to the distance, and give the real side of
            the FID; null: all (quirk shrunk-distance).
        acc5: ``all`` images count for Acc@5, or those of the ``last`` place alone (quirk
            last-seed).
        spread: ``std``, the mean of the batches' standard deviations, or ``variance``, the root of
            the mean of their variances.
    """

    evaluator: str = "eval"
    fid: str = "fid"
    compatible_fid: str = "fid"
    batch: Count = 60
    classes: Omissible[Count] = None
    distance_classes: Omissible[Count] = None
    acc5: Literal["all", "last"] = "all"
    spread: Literal["std", "variance"] = "variance"
