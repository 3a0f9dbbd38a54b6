"""MID without noise outside training: ``midmean0.005``, ours, for comparison with ``mid0.005``."""

from dataclasses import dataclass
from typing import ClassVar

from mirage.targets.treatments.mid import InformationBottleneck


@dataclass(frozen=True)
class MeanBottleneck(InformationBottleneck):
    """``mid`` with the same training to the bit; tested and attacked, the code is its mean."""

    always_noisy: ClassVar[bool] = False


PART = MeanBottleneck
