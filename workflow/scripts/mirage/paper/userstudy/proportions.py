"""Shares of tasks won: their intervals, tests between them, and how many tasks tell them apart."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LEVEL = 0.95
_MOST_TASKS, _STEP = 4000, 10
_DRAWS = 10_000
_NODES = 4000


def wilson(won: int, of: int) -> tuple[float, float]:
    """Interval of one share (Wilson 1927), with z the normal quantile of the level.

    (p + z²/2n ± z √(p(1-p)/n + z²/4n²)) / (1 + z²/n)
    """
    from scipy import stats

    if of == 0:
        return 0.0, 1.0
    z, share = float(stats.norm.ppf((1 + LEVEL) / 2)), won / of
    middle = share + z**2 / (2 * of)
    half = z * (share * (1 - share) / of + z**2 / (4 * of**2)) ** 0.5
    whole = 1 + z**2 / of
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def goodman(won: int, of: int, options: int) -> tuple[float, float]:
    """One of the intervals that hold all shares of a multinomial at once (Goodman 1965).

    (A + 2x ± √(A (A + 4x(n-x)/n))) / 2(n + A), A the quantile 1 - (1 - level)/K of χ² with one
    degree of freedom, for K options.
    """
    from scipy import stats

    if of == 0:
        return 0.0, 1.0
    a = float(stats.chi2.ppf(1 - (1 - LEVEL) / options, 1))
    half = (a * (a + 4 * won * (of - won) / of)) ** 0.5
    low, high = ((a + 2 * won + sign * half) / (2 * (of + a)) for sign in (-1, 1))
    return max(0.0, low), min(1.0, high)


def largest(won: Sequence[int]) -> list[float]:
    """Probability of each option to have the largest share, given Dirichlet(x + 1).

    Shares of a Dirichlet are gamma variates over their sum, so an option's probability is
    ∫ f_i(g) ∏ F_j(g) dg over the gammas of the others. The integral over F_i is by Gauss-Legendre.
    """
    import numpy as np
    from scipy import special, stats

    nodes, weights = special.roots_legendre(_NODES)
    places, weights = (nodes + 1) / 2, weights / 2
    found = []
    for index, own in enumerate(won):
        at = stats.gamma.ppf(places, own + 1)
        others = [stats.gamma.cdf(at, x + 1) for i, x in enumerate(won) if i != index]
        found.append(float(weights @ np.prod(others, axis=0)))
    return found


def against_runner_up(won: Sequence[int]) -> float:
    """Exact two-sided binomial test of the most against the second most won: is it a half?

    The first is chosen by looking, so this test is only that of a claim made before.
    """
    first, second = sorted(won, reverse=True)[:2]
    return binomial(first, first + second)


def binomial(won: int, of: int) -> float:
    """P of the exact two-sided test of a share of a half; 1 without any."""
    from scipy import stats

    return float(stats.binomtest(won, of, 0.5).pvalue) if of else 1.0


def against_chance(won: Sequence[int]) -> float:
    """P of χ² against equal shares; 1 without any."""
    from scipy import stats

    return float(stats.chisquare(won).pvalue) if sum(won) else 1.0


def fewer_ties(ties: int, of: int) -> float:
    """P of so few tasks of three different votes, or fewer, were all votes guessed: 2/9 of all."""
    from scipy import stats

    return float(stats.binom.cdf(ties, of, 2 / 9))


def power(tasks: int, first: float, second: float) -> float:
    """Chance that the exact test tells a first share from a second, of so many decided tasks.

    Given how many tasks either has won, which is binomial, the first one's are binomial, too.

    Args:
        tasks: decided ones.
        first: the first option's true share.
        second: the second's.
    """
    import numpy as np
    from scipy import stats

    both = first + second
    counts = np.arange(tasks + 1)
    # The test rejects below and above these bounds, which are as far from the middle.
    low = stats.binom.ppf((1 - LEVEL) / 2, counts, 0.5)
    low -= stats.binom.cdf(low, counts, 0.5) > (1 - LEVEL) / 2  # the last that rejects
    share = first / both
    rejected = stats.binom.cdf(low, counts, share) + stats.binom.sf(counts - low - 1, counts, share)
    return float(stats.binom.pmf(counts, tasks, both) @ rejected)


def tasks_wanted(first: float, second: float, wanted: float = 0.8) -> int | None:
    """Decided tasks, in tens, with which ``power`` is as wanted; None where thousands are not."""
    low, high = 0, _MOST_TASKS // _STEP
    if power(high * _STEP, first, second) < wanted:
        return None
    while high - low > 1:
        middle = (low + high) // 2
        if power(middle * _STEP, first, second) < wanted:
            low = middle
        else:
            high = middle
    return high * _STEP


def vote_shares(table: Sequence[Sequence[int]], seed: int, *names: str) -> "NDArray[np.float64]":
    """Shares of all votes, with percentile intervals of a bootstrap over tasks.

    Args:
        table: votes of each task by option.
        seed: of the stream of draws.
        names: of the stream.

    Returns:
        [3, K]: share, lower and upper bound of each option.
    """
    import numpy as np
    import torch

    from mirage.streams import generator

    votes = np.asarray(table, dtype=np.float64)
    shares = votes / votes.sum(1, keepdims=True)
    stream = generator(seed, "userstudy", "bootstrap", *names)
    rows = torch.randint(len(votes), (_DRAWS, len(votes)), generator=stream).numpy()
    means = np.stack([shares[row].mean(0) for row in rows])
    tail = (1 - LEVEL) / 2
    bounds = np.quantile(means, [tail, 1 - tail], axis=0)
    return np.vstack([shares.mean(0), bounds])
