"""The two readings of every attack metric.

``paper`` is what the official PPA code computes, quirks included, so that numbers can be held
against the published ones; ``corrected`` is what it should compute. Both come from one synthesis
of the same latents. Where they differ:

- attack images go into the networks unclipped (paper) or clamped to [-1, 1] (corrected; quirk
  clipped-pool);
- a released evaluator trained with torchvision's input re-mapping sees its input without it
  (paper) or with it (corrected; quirk remapped-evaluator); see ``evaluator``;
- the FID Inception sees [-3, 1] (paper) or [-1, 1] (corrected; quirk fid-range);
- feature distances are squared (paper; quirk squared-distances); corrected adds plain ones;
- precision, recall, density and coverage are absent from the paper: corrected only (quirk
  broken-prdc).

Where they agree, though the networks differ: photographs are resized to 8 bits for every network
but the FID Inception, for which they are resized in floating point (quirk resize-paths).
``unrounded`` tells such a network.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal

Fidelity = Literal["paper", "corrected"]

PAPER: Final = "paper"
CORRECTED: Final = "corrected"
FIDELITIES: Final[tuple[Fidelity, Fidelity]] = (PAPER, CORRECTED)


def unrounded(spec: Mapping[str, Any]) -> bool:
    """Whether a network of these settings sees photographs resized without rounding.

    One that enlarges its images itself sees what targets see.
    """
    return bool(spec["kind"] == "inception_fid" and spec.get("input", "direct") == "direct")
