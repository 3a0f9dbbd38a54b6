"""Questions that wait for the wildcards of a job, written like the answers themselves.

Snakemake calls the functions of a rule with the wildcards. An ``Asked`` is such a function, and so
are its attributes, its entries, and what it returns when it is called::

    target = asked(Target.parse)(wildcards.target)
    recipe = asked(STUDY).training(target)  # lambda wildcards: STUDY.training(target(wildcards))

A question is answered once for the same wildcards: inputs, params and requests of a job share what
they are made of, and nobody changes an answer.
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from snakemake.rules import Wildcards


class _Job:
    """The wildcards of a job, and what was answered about them so far."""

    def __init__(self, wildcards: Wildcards) -> None:
        self.wildcards = wildcards
        self.answers: dict[Asked, Any] = {}


_JOBS: dict[tuple[Any, ...], _Job] = {}


class Asked:
    """A function of a job's wildcards.

    Args:
        answer: what it returns.
    """

    # Snakemake looks for these at every function: flags, and what to give it beside the wildcards.
    # Without the second it would inspect the signature at every call.
    flags: ClassVar[Mapping[str, Any]] = {}
    _overwrite_params: ClassVar[Mapping[str, Any]] = {}

    def __init__(self, answer: Callable[[_Job], Any]) -> None:
        self._answer = answer

    def __call__(self, *given: Any) -> Any:
        """Answer for wildcards; with anything else, ask for what a call returns."""
        if given and isinstance(given[0], Wildcards):
            known = tuple(given[0].items())
            if known not in _JOBS:
                _JOBS[known] = _Job(given[0])
            return self._of(_JOBS[known])
        return Asked(lambda job: self._of(job)(*(_settled(value, job) for value in given)))

    def __getattr__(self, name: str) -> "Asked":
        if name.startswith("_"):
            raise AttributeError(name)
        return Asked(lambda job: getattr(self._of(job), name))

    def __getitem__(self, key: Any) -> "Asked":
        return Asked(lambda job: self._of(job)[_settled(key, job)])

    def _of(self, job: _Job) -> Any:
        if self not in job.answers:
            job.answers[self] = self._answer(job)
        return job.answers[self]


def asked(known: Any) -> Asked:
    """Ask something that is known before any job; decorates functions that rules call."""
    return Asked(lambda _: known)


wildcards: Any = Asked(lambda job: job.wildcards)
"""The wildcards of the job; their values are its attributes."""


def _settled(value: Any, job: _Job) -> Any:
    return value._of(job) if isinstance(value, Asked) else value
