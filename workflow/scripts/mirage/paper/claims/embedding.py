"""Claims on the feature space (Section 4.3, Figures 4 and 5), for which no numbers are printed."""

from mirage.paper.claim import Claim, Group, in_each, more, rising
from mirage.paper.numbers import BLOCK

_POSITIVE, _HARD, _NEGATIVE = "ls0.1", "ls0", "ls-0.05"
_LAYOUT, _DISTANCES = "Figure 4", "Figure 5"

GROUP = Group(
    "D",
    "Embedding space",
    (
        Claim(
            29, "Positive smoothing tightens classes", "4.3, Figure 5", (_DISTANCES,),
            in_each(_DISTANCES, BLOCK[:3], more("own_to_other", _HARD, _POSITIVE)),
        ),
        Claim(
            30, "Positive smoothing widens the gap to the nearest image of another person",
            "4.3, Figure 5", (_DISTANCES,),
            in_each(_DISTANCES, BLOCK[:3], more("nearest_other_scaled", _POSITIVE, _HARD)),
        ),
        Claim(
            31, "Negative smoothing partly reverts this", "4.3, Figure 5", (_DISTANCES,),
            in_each(
                _DISTANCES, BLOCK[:3], more("own_to_other", _NEGATIVE, _POSITIVE),
                more("nearest_other_scaled", _POSITIVE, _NEGATIVE),
            ),
        ),
        Claim(
            32, "Clusters overlap more under negative smoothing", "4.3, Figure 4", (_LAYOUT,),
            in_each(_LAYOUT, BLOCK[:3], *rising("silhouette", _NEGATIVE, _HARD, _POSITIVE)),
            note="The paper shows a picture; the silhouette of the features is our predicate.",
        ),
    ),
)  # fmt: skip
