"""The error that is its message and nothing else."""

from typing import Any

from snakemake import exceptions
from snakemake.exceptions import WorkflowError

_cut = exceptions.cut_traceback
_origin = exceptions.get_exception_origin


class Refused(WorkflowError):  # type: ignore[misc] # noqa: N818 - its name is printed
    """What was asked for cannot be done; Snakemake 9.27 adds no lines of code to it."""


def _cut_traceback(error: Exception) -> Any:
    return [] if isinstance(error, Refused) else _cut(error)


def _exception_origin(error: Exception, linemaps: Any) -> Any:
    return None if isinstance(error, Refused) else _origin(error, linemaps)


exceptions.cut_traceback = _cut_traceback
exceptions.get_exception_origin = _exception_origin
