"""How far annotators agree."""

from collections.abc import Sequence


def fleiss_kappa(table: Sequence[Sequence[int]]) -> float | None:
    """Fleiss' κ (1971): agreement beyond chance of equally many votes on each task.

    With n votes of each of N tasks, n_ij of them for option j: P_i = (Σ_j n_ij² - n) / n(n-1) is
    the share of agreeing pairs, p_j the share of all votes, and κ = (mean P - Σ p_j²) /
    (1 - Σ p_j²).

    Args:
        table: votes of each task by option.

    Returns:
        1 for full agreement, about 0 for guesses; None without tasks, or where all votes are for
        one option.
    """
    if not table:
        return None
    n = sum(table[0])
    pairs = [(sum(x * x for x in row) - n) / (n * (n - 1)) for row in table]
    shares = [sum(column) / (n * len(table)) for column in zip(*table, strict=True)]
    by_chance = sum(share * share for share in shares)
    if by_chance == 1:
        return None
    found: float = (sum(pairs) / len(pairs) - by_chance) / (1 - by_chance)
    return found
