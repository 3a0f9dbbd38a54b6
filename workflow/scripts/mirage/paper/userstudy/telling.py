"""What user studies show, in sentences."""

from collections.abc import Iterator, Mapping

from mirage.paper.defenses import NEGATIVE, label_of
from mirage.paper.printed import number
from mirage.paper.userstudy import proportions
from mirage.paper.userstudy.account import Account
from mirage.paper.userstudy.agreement import fleiss_kappa
from mirage.paper.userstudy.poll import KEPT_SHARE, LEAST_SEEN, VOTES
from mirage.paper.userstudy.printed_poll import PrintedPoll

SURE = 0.95
"""Probability of being the largest share from which on the paper's claim shows."""


def sentences(account: Account, folder: str) -> Iterator[str]:
    """All there is to say of one study.

    Args:
        account: its votes.
        folder: where answers are put, relative to the repository.
    """
    own, poll = account.userstudy, account.poll
    if poll.annotators:
        yield f"{own.name}, answers: {_answers(account)}"
    else:
        yield (
            f"{own.name}: no answers yet, so this claim was not tried. {own.page} opens from disk "
            f"in any browser: hand it to annotators ({own.key} to nobody), put the files that it "
            f"saves into {folder} in the repository, and the same command again counts them"
        )
    if account.paper is not None:
        yield _before(own.tasks, account.paper)
    if sum(poll.wins):
        won = dict(zip(poll.treatments, poll.wins, strict=True))
        yield f"{own.name}, this study: {_counted(won, poll.ties)}{_claim(won)}"
    if account.paper is not None:
        yield (
            f"{account.paper.dataset}, the paper's counts by the same arithmetic: "
            f"{_counted(account.paper.won, account.paper.ties)}{_claim(account.paper.won)}"
        )


def _answers(account: Account) -> str:
    poll = account.poll
    told = [
        f"{poll.kept} of {poll.annotators} annotators kept ({100 * KEPT_SHARE:.0f} % of at least "
        f"{LEAST_SEEN} honeypots right)",
        f"{len(poll.votes)} tasks of {VOTES} votes, {poll.missing} of fewer, which do not count",
    ]
    kappa = fleiss_kappa(poll.table)
    if kappa is not None:
        told.append(f"Fleiss κ {number(kappa, 2)}")
    if poll.median_ms is not None:
        told.append(f"median {poll.median_ms / 1000:.1f} s an answer")
    return "; ".join(told)


def _before(tasks: int, paper: PrintedPoll) -> str:
    """The power of a study, which is to be known before it begins."""
    first, second = paper.shares
    wanted = proportions.tasks_wanted(first, second)
    more = f"; {wanted} would in 80 %" if wanted is not None else ""
    return (
        f"Power: were the true shares the paper's on {paper.dataset} ({100 * first:.0f} % and "
        f"{100 * second:.0f} %), {tasks} decided tasks would tell first from second in "
        f"{100 * proportions.power(tasks, first, second):.0f} % of studies{more}"
    )


def _counted(won: Mapping[str, int], ties: int) -> str:
    """Shares with their intervals, and the tests."""
    decided = sum(won.values())
    shares = "; ".join(
        f"{label_of(name)} {number(100 * x / decided, 1)} % "
        f"{_interval(proportions.wilson(x, decided))}, all at once "
        f"{_interval(proportions.goodman(x, decided, len(won)))}"
        for name, x in won.items()
    )
    first, second, *_ = sorted(won.values(), reverse=True)
    guessed = proportions.fewer_ties(ties, decided + ties)
    return (
        f"of {decided} decided tasks {shares} (95 % intervals of Wilson and Goodman). First "
        f"against second, {first}:{second}: {_p(proportions.against_runner_up(list(won.values())))}"
        f"; against equal shares: {_p(proportions.against_chance(list(won.values())))}. {ties} "
        f"ties are left out, {number((decided + ties) * 2 / 9, 1)} were expected of guesses "
        f"({_p(guessed)})"
    )


def _claim(won: Mapping[str, int]) -> str:
    """Whether the paper's claim shows: that negative label smoothing has the largest share."""
    if NEGATIVE not in won:
        return ""
    chance = proportions.largest(list(won.values()))[list(won).index(NEGATIVE)]
    shows = "shows" if chance > SURE else "does not show"
    return (
        f". That {label_of(NEGATIVE)} is chosen most often {shows}: its share is the largest with "
        f"probability {number(chance, 3)}, above {SURE} being asked for"
    )


def _interval(bounds: tuple[float, float]) -> str:
    low, high = bounds
    return f"[{number(100 * low, 1)}, {number(100 * high, 1)}]"


def _p(value: float) -> str:
    return "p < 0.001" if value < 0.001 else f"p = {number(value, 2 if value > 0.01 else 3)}"
