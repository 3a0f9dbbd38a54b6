"""What the votes of each user study come to, beside what the paper's do."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mirage.paper.userstudy import proportions
from mirage.paper.userstudy.agreement import fleiss_kappa
from mirage.paper.userstudy.exports import read_exports
from mirage.paper.userstudy.poll import Poll, count
from mirage.paper.userstudy.printed_poll import PrintedPoll, printed_poll
from mirage.paper.userstudy.questionnaire import read_key
from mirage.paper.userstudy.questions import SEED
from mirage.paper.userstudy.recipe import UserStudy, answers, userstudies

if TYPE_CHECKING:
    import pandas as pd

    from mirage.study.study import Study

NOTHING = "no answers yet"


@dataclass(frozen=True)
class Account:
    """One user study and its votes.

    Attributes:
        userstudy: which.
        poll: its votes.
        paper: the paper's on the data set that stands beside ours; None without one.
    """

    userstudy: UserStudy
    poll: Poll
    paper: PrintedPoll | None

    @property
    def state(self) -> str:
        """How far it is, in a few words."""
        poll = self.poll
        if not poll.annotators:
            return NOTHING
        return f"{poll.kept} of {poll.annotators} annotators kept, {poll.missing} tasks open"


def accounts(study: "Study", printed: "pd.DataFrame") -> list[Account]:
    """Count the votes of every user study of a scale, from files in the current folder.

    Args:
        study: what was run.
        printed: rows of the paper's table.

    Raises:
        MirageError: answers that are refused, all named.
    """
    own = userstudies(study)
    saved = read_exports(answers(study.scale), {one.name: one.key for one in own})
    return [
        Account(
            one,
            count(saved[one.name], read_key(one.key)),
            printed_poll(study.dataset(one.dataset)["paper"], printed),
        )
        for one in own
    ]


def rows(account: Account) -> "pd.DataFrame":
    """One row per treatment; shares in percent, what nobody knows yet empty.

    Returns:
        ``dataset``, ``treatment``, ``user_preference`` (of the decided tasks, as in the paper) and
        ``COLUMNS``.
    """
    import pandas as pd

    poll, treatments = account.poll, account.userstudy.treatments
    made: dict[str, Any] = {
        "dataset": account.userstudy.dataset,
        "treatment": treatments,
        "answers": account.state,
        "annotators": poll.annotators,
        "annotators_kept": poll.kept,
        "tasks": account.userstudy.tasks,
        "tasks_open": poll.missing,
        **_figures(poll.wins, poll.ties),
        "votes": float("nan"),
        "votes_low": float("nan"),
        "votes_high": float("nan"),
        "fleiss_kappa": fleiss_kappa(poll.table),
    }
    if poll.votes:
        shares = 100 * proportions.vote_shares(poll.table, SEED, account.userstudy.name)
        made |= dict(zip(("votes", "votes_low", "votes_high"), shares, strict=True))
    paper = account.paper
    if paper is not None:
        made["power"] = 100 * proportions.power(account.userstudy.tasks, *paper.shares)
        won = [paper.won.get(treatment) for treatment in treatments]
        if None not in won:  # else these are not the options that the paper had
            figures = _figures([count for count in won if count is not None], paper.ties)
            made |= {f"{name}_paper": values for name, values in figures.items()}
    made["user_preference"] = made.pop("share")
    made.pop("share_paper", None)  # Table 13 prints it
    table = pd.DataFrame(made)
    return table.reindex(columns=["dataset", "treatment", "user_preference", *COLUMNS])


_FIGURES = (
    "won", "decided", "ties", "share", "wilson_low", "wilson_high", "goodman_low", "goodman_high",
    "ties_as_thirds", "p_largest", "p_runner_up", "p_chance", "p_ties",
)  # fmt: skip
COLUMNS = (
    "answers", "annotators", "annotators_kept", "tasks", "tasks_open",
    *(name for name in _FIGURES if name != "share"),
    "votes", "votes_low", "votes_high", "fleiss_kappa", "power",
    *(f"{name}_paper" for name in _FIGURES if name != "share"),
)  # fmt: skip
"""What is told of a study beside its shares: ``p_`` are probabilities, ``power`` is in percent."""


def _figures(won: Sequence[int], ties: int) -> dict[str, Any]:
    """What counts come to: of each option, or one number for all; nothing known of no tasks."""
    decided = sum(won)
    if decided + ties == 0:
        return dict.fromkeys(_FIGURES, float("nan"))
    wilson = [proportions.wilson(x, decided) for x in won]
    goodman = [proportions.goodman(x, decided, len(won)) for x in won]
    return {
        "won": list(won),
        "decided": decided,
        "ties": ties,
        "share": [100 * x / decided if decided else float("nan") for x in won],
        "wilson_low": [100 * low for low, _ in wilson],
        "wilson_high": [100 * high for _, high in wilson],
        "goodman_low": [100 * low for low, _ in goodman],
        "goodman_high": [100 * high for _, high in goodman],
        "ties_as_thirds": [100 * (x + ties / len(won)) / (decided + ties) for x in won],
        "p_largest": proportions.largest(won),
        "p_runner_up": proportions.against_runner_up(won),
        "p_chance": proportions.against_chance(won),
        "p_ties": proportions.fewer_ties(ties, decided + ties),
    }
