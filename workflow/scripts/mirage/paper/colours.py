"""One colour and one mark for each treatment, in every figure."""

from mirage.study.treatment import Treatment

HARD, POSITIVE, NEGATIVE, OTHERS = "#5b6068", "#b4562b", "#1f6f8b", "#6b4c9a"
"""Hard labels grey, positive smoothing warm, negative smoothing cool; and other treatments."""


def colour(treatment: str) -> str:
    """Colour of a treatment as it stands in a path; all tell apart in print without colours."""
    alpha = Treatment.parse(treatment).alpha
    if alpha is None:
        return OTHERS
    return {0: HARD, 1: POSITIVE, -1: NEGATIVE}[(alpha > 0) - (alpha < 0)]


def marker(treatment: str) -> str:
    """Mark of a treatment's points."""
    alpha = Treatment.parse(treatment).alpha
    if alpha is None:
        return "D"
    return {0: "s", 1: "^", -1: "v"}[(alpha > 0) - (alpha < 0)]
