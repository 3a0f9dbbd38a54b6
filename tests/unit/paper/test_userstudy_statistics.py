"""Statistics of user studies against formulas, scipy, simulation and printed numbers."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mirage.paper.reference import reference_rows
from mirage.paper.userstudy import proportions
from mirage.paper.userstudy.agreement import fleiss_kappa
from mirage.paper.userstudy.printed_poll import TASKS, printed_poll
from scipy import stats

PRINTED = reference_rows("table13")
FACESCRUB, CELEBA = (64, 23, 47), (98, 14, 25)


def percent(bounds):
    return [round(100 * bound, 1) for bound in bounds]


def test_the_papers_counts_are_its_shares():
    for name, won in (("FaceScrub", FACESCRUB), ("CelebA", CELEBA)):
        poll = printed_poll(name, PRINTED)
        assert tuple(poll.won.values()) == won
        assert sum(won) + poll.ties == TASKS
        shares = PRINTED.query("dataset == @name")["user_preference"].tolist()
        assert [round(100 * x / sum(won), 2) for x in won] == shares
    assert printed_poll("ImageNette", PRINTED) is None
    assert printed_poll(None, PRINTED) is None


def test_the_papers_intervals_and_tests():
    """Numbers worked out beforehand, by other code."""
    assert percent(proportions.wilson(64, 134)) == [39.5, 56.2]
    assert percent(proportions.goodman(64, 134, 3)) == [37.7, 58.0]
    assert percent(proportions.wilson(98, 137)) == [63.5, 78.4]
    assert percent(proportions.goodman(98, 137, 3)) == [61.6, 79.8]
    assert round(proportions.largest(FACESCRUB)[0], 3) == 0.946
    assert proportions.largest(CELEBA)[0] > 0.9999
    assert round(proportions.against_runner_up(FACESCRUB), 2) == 0.13
    assert proportions.against_runner_up(CELEBA) == pytest.approx(2e-11, rel=0.1)
    assert proportions.against_chance(FACESCRUB) == pytest.approx(7e-5, rel=0.1)
    assert proportions.fewer_ties(16, 150) < 0.001
    assert proportions.fewer_ties(13, 150) < 0.001


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_wilson_is_scipys(counts):
    won, of = counts
    theirs = stats.binomtest(won, of).proportion_ci(0.95, method="wilson")
    assert proportions.wilson(won, of) == pytest.approx((theirs.low, theirs.high), abs=1e-12)


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_goodman_bounds_solve_their_equation(counts):
    """Goodman 1965: bounds are the roots of (p - x/n)² = A p(1-p)/n."""
    won, of = counts
    a = stats.norm.ppf(1 - 0.05 / 3 / 2) ** 2  # of χ² with one degree, by the normal
    for bound in proportions.goodman(won, of, 3):
        assert (bound - won / of) ** 2 == pytest.approx(a * bound * (1 - bound) / of, abs=1e-9)


def test_nothing_known_is_everything_possible():
    assert proportions.wilson(0, 0) == proportions.goodman(0, 0, 3) == (0.0, 1.0)
    assert proportions.against_runner_up((0, 0, 0)) == proportions.against_chance((0, 0, 0)) == 1
    assert proportions.largest((0, 0, 0)) == pytest.approx([1 / 3] * 3, abs=1e-6)


@pytest.mark.parametrize("won", [FACESCRUB, (3, 1, 2), (0, 0, 9)])
def test_the_largest_share_against_draws(won):
    draws = np.random.default_rng(0).dirichlet(np.array(won) + 1, size=200_000)
    simulated = np.bincount(draws.argmax(1), minlength=3) / len(draws)
    found = proportions.largest(won)
    assert found == pytest.approx(simulated, abs=0.005)
    assert sum(found) == pytest.approx(1, abs=1e-4)


def test_the_runner_up_is_the_second_wherever_it_stands():
    for won in ((5, 12, 9), (12, 9, 5), (9, 5, 12)):
        assert proportions.against_runner_up(won) == stats.binomtest(12, 21).pvalue


@pytest.mark.parametrize(
    ("first", "second", "tasks", "wanted"),
    [
        (0.48, 0.35, 134, 33), (0.48, 0.35, 300, 67), (0.48, 0.35, 400, 79), (0.48, 0.35, 500, 86),
        (0.5, 0.3, 150, 78), (0.5, 0.3, 200, 88), (0.72, 0.18, 50, 99),
    ],
)  # fmt: skip
def test_power_as_estimated_beforehand(first, second, tasks, wanted):
    assert 100 * proportions.power(tasks, first, second) == pytest.approx(wanted, abs=2.5)


@pytest.mark.parametrize(("first", "second"), [(0.5, 0.3), (0.72, 0.18), (0.4, 0.4)])
def test_power_is_the_sum_over_all_outcomes(first, second):
    n = 21
    total = 0.0
    for a in range(n + 1):
        for b in range(n + 1 - a):
            if a + b and stats.binomtest(a, a + b).pvalue < 0.05:
                total += stats.multinomial.pmf(
                    [a, b, n - a - b], n, [first, second, 1 - first - second]
                )
    assert proportions.power(n, first, second) == pytest.approx(total, abs=1e-9)


def test_as_many_tasks_as_are_wanted():
    wanted = proportions.tasks_wanted(0.5, 0.3)
    assert proportions.power(wanted, 0.5, 0.3) >= 0.8
    assert proportions.power(wanted - 20, 0.5, 0.3) < 0.8
    assert proportions.tasks_wanted(0.4, 0.4) is None


# The worked example of Fleiss 1971 as it is widely printed: 10 subjects, 14 raters, 5 categories.
EXAMPLE = [
    [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
]  # fmt: skip


def test_kappa_of_the_printed_example():
    assert round(fleiss_kappa(EXAMPLE), 3) == 0.210


def test_kappa_of_agreement_of_chance_and_of_nothing():
    assert fleiss_kappa([[3, 0, 0], [0, 3, 0], [0, 0, 3]]) == 1
    assert fleiss_kappa([[1, 1, 1]] * 5) == pytest.approx(-0.5)  # by chance 1/3
    assert fleiss_kappa([]) is None
    assert fleiss_kappa([[3, 0, 0]] * 4) is None
    guesses = np.random.default_rng(1).multinomial(3, [0.5, 0.3, 0.2], size=20_000)
    assert abs(fleiss_kappa(guesses.tolist())) < 0.02


def test_vote_shares_are_means_with_bounds_of_a_bootstrap_over_tasks():
    table = [[3, 0, 0]] * 60 + [[0, 2, 1]] * 40
    found = proportions.vote_shares(table, 1, "a")
    assert found[0] == pytest.approx([0.6, 0.8 / 3, 0.4 / 3])
    # The first option's share is the share of tasks of one kind: a binomial.
    half = 1.96 * math.sqrt(0.6 * 0.4 / 100)
    assert found[1:, 0] == pytest.approx([0.6 - half, 0.6 + half], abs=0.012)
    assert (found == proportions.vote_shares(table, 1, "a")).all()
