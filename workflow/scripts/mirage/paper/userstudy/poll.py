"""Votes of the annotators that can be relied on, and who wins each task."""

import statistics
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from mirage.paper.userstudy.exports import Export
from mirage.paper.userstudy.questionnaire import StudyKey
from mirage.paper.userstudy.questions import SEED
from mirage.streams import seed_of

VOTES = 3
"""Annotators of each task, of whom two decide it (paper C.10)."""
KEPT_SHARE, LEAST_SEEN = 0.8, 5
"""Right honeypots of an annotator who is kept, of so many at least; the paper gives no rule."""


@dataclass(frozen=True)
class Poll:
    """The counted votes of one study.

    Attributes:
        treatments: compared ones.
        annotators: who answered at all.
        kept: who passed the honeypots.
        votes: task -> its three votes, of the tasks that have so many.
        missing: tasks that have fewer.
        median_ms: of the counted votes; None without any.
    """

    treatments: tuple[str, ...]
    annotators: int
    kept: int
    votes: Mapping[str, tuple[str, ...]]
    missing: int
    median_ms: float | None

    @property
    def wins(self) -> tuple[int, ...]:
        """Tasks that each treatment has won: two of three voted for its result."""
        won = Counter(map(winner, self.votes.values()))
        return tuple(won[treatment] for treatment in self.treatments)

    @property
    def ties(self) -> int:
        """Tasks of three different votes, which the paper leaves out."""
        return sum(winner(votes) is None for votes in self.votes.values())

    @property
    def table(self) -> list[list[int]]:
        """Votes of each task by treatment, in the order of the treatments."""
        return [
            [votes.count(treatment) for treatment in self.treatments]
            for votes in self.votes.values()
        ]


def winner(votes: Sequence[str]) -> str | None:
    """What more than half of the votes are for; None where there is no such thing."""
    name, count = Counter(votes).most_common(1)[0]
    return name if 2 * count > len(votes) else None


def is_kept(one: Export, key: StudyKey) -> bool:
    """Whether an annotator has seen enough honeypots and answered them right."""
    answers = {reply.task: reply.chosen for reply in one.answers}
    right = [
        answers[name] == task.answer
        for name, task in key.tasks.items()
        if task.answer is not None and name in answers
    ]
    return len(right) >= LEAST_SEEN and sum(right) >= KEPT_SHARE * len(right)


def count(exports: Sequence[Export], key: StudyKey) -> Poll:
    """Count votes.

    Where more than three annotators are kept for a task, a draw that knows no answer says whose
    votes count.
    """
    kept = {one.annotator: one for one in exports if is_kept(one, key)}
    given = {(reply.task, name): reply for name, one in kept.items() for reply in one.answers}
    votes: dict[str, tuple[str, ...]] = {}
    times: list[int] = []
    asked = [name for name, task in key.tasks.items() if task.answer is None]
    for task in asked:
        voters = [name for name in kept if (task, name) in given]
        if len(voters) >= VOTES:
            drawn = sorted(voters, key=partial(seed_of, SEED, "userstudy", "votes", task))[:VOTES]
            replies = [given[task, name] for name in drawn]
            votes[task] = tuple(key.tasks[task].options[reply.chosen] for reply in replies)
            times += [reply.ms for reply in replies]
    return Poll(
        key.treatments,
        len(exports),
        len(kept),
        votes,
        len(asked) - len(votes),
        statistics.median(times) if times else None,
    )
