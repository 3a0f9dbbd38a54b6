"""One plain message where Snakemake 9.27 would add lines of code, or say less than we know.

Snakemake shows an error of an input or params function with the code it came from, and of a target
without a rule only that there is none. Both are mistypings as a rule.
"""

from collections.abc import Callable
from typing import Any

import snakemake.dag
import snakemake.report
import snakemake.rules
from mirage.errors import MirageError
from mirage.visible import listed
from refusing import Refused
from snakemake.exceptions import InputFunctionException, MissingRuleException, WorkflowError
from snakemake.io import is_flagged

_plain_report = snakemake.report.auto_report


class ImpossibleRequest(InputFunctionException):  # type: ignore[misc]
    """A function of a rule refused its wildcards; other errors stay as Snakemake shows them."""

    def __init__(self, msg: object, **place: Any) -> None:
        if isinstance(msg, MirageError):
            WorkflowError.__init__(self, str(msg))
        else:
            super().__init__(msg, **place)


def tell(refusal: Callable[[str], MirageError]) -> None:
    """Have Snakemake raise errors of this module, whose names it prints before their messages.

    Args:
        refusal: what to say of a path that no rule makes.
    """

    class NoSuchTarget(MissingRuleException):  # type: ignore[misc]
        """Nothing makes a file; raised often while planning, so put into words when shown."""

        def __init__(self, file: str, **place: Any) -> None:
            super().__init__(file, **place)
            self._file = str(file)

        def __str__(self) -> str:
            return str(refusal(self._file))

    snakemake.dag.MissingRuleException = NoSuchTarget
    snakemake.rules.InputFunctionException = ImpossibleRequest
    snakemake.report.auto_report = _report_on_what_is_there


async def _report_on_what_is_there(dag: Any, *settings: Any) -> None:
    """Stop before Snakemake lists one by one what there is no metadata of."""
    files = [file for job in dag.jobs for file in job.output if is_flagged(file, "report")]
    missing = [str(file) for file in files if not await file.exists()]
    if missing:
        raise Refused(
            f"Nothing to report yet: {listed(sorted(missing))} missing. Run snakemake first, or "
            "name what is there (snakemake --report report.zip -- FILE)."
        )
    await _plain_report(dag, *settings)
