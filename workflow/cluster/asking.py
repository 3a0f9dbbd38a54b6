"""Questions that wait for the wildcards of a job, written like the answers themselves.

Snakemake calls the functions of a rule with the wildcards. An ``Asked`` is such a function, and so
are its attributes, its entries, and what it returns when it is called::

    target = asked(Target.parse)(wildcards.target)
    recipe = asked(STUDY).training(target)  # lambda wildcards: STUDY.training(target(wildcards))
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from snakemake.rules import Wildcards


class Asked:
    """A function of a job's wildcards.

    Args:
        answer: what it returns.
    """

    flags: ClassVar[Mapping[str, Any]] = {}  # Snakemake looks for some at every function

    def __init__(self, answer: Callable[[Wildcards], Any]) -> None:
        self._answer = answer

    def __call__(self, *given: Any) -> Any:
        """Answer for wildcards; with anything else, ask for what a call returns."""
        if given and isinstance(given[0], Wildcards):
            return self._answer(given[0])
        return Asked(lambda job: self._answer(job)(*(_settled(value, job) for value in given)))

    def __getattr__(self, name: str) -> "Asked":
        if name.startswith("_"):
            raise AttributeError(name)
        return Asked(lambda job: getattr(self._answer(job), name))

    def __getitem__(self, key: Any) -> "Asked":
        return Asked(lambda job: self._answer(job)[_settled(key, job)])


def asked(known: Any) -> Asked:
    """Ask something that is known before any job; decorates functions that rules call."""
    return Asked(lambda _: known)


wildcards: Any = Asked(lambda job: job)
"""The wildcards of the job; their values are its attributes."""


def _settled(value: Any, job: Wildcards) -> Any:
    return value(job) if isinstance(value, Asked) else value
