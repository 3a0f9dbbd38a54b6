"""Ties: where equal scores compete for the last places, order alone decides who is kept.

A softmax that is saturated in float32, as under negative label smoothing, gives whole classes of
images exactly 1 (its margin passes 24 ln 2, half an ulp of 1), so they are counted and told.
"""

from torch import Tensor


def for_the_last_places(scores: Tensor, kept: Tensor) -> int:
    """Count those between whom no score decides, of all classes.

    Args:
        scores: [K, n] of all that were ranked; some may be no finite numbers.
        kept: [K, m], the best of them, falling.

    Returns:
        How many have the score of the last one kept, kept or not, where not all of them are.
    """
    last = kept[:, -1:]
    equal, places = (scores == last).sum(dim=1), (kept == last).sum(dim=1)
    return int(equal[equal > places].sum())


def figures(scores: Tensor, tied: int) -> dict[str, float]:
    """What a job's record says of the scores kept and of ties; nothing where there are none."""
    told = {"at exactly 1": int((scores == 1).sum()), "tied for the last places": tied}
    return {name: count for name, count in told.items() if count}
