"""Words for a shell: what Snakemake 9.27 leaves unquoted, or quotes as Python would.

Snakemake hands jobs to a shell as text. In it stand the path of Python, which lies in the checkout
here, and those of the Snakefile and of configuration files. A blank, an apostrophe or a ``$`` in
the checkout's own path would end such a word, or change it.
"""

import re
import shlex
import sys
from collections.abc import Callable
from typing import Any

from snakemake.executors import local
from snakemake.script import PythonScript
from snakemake_interface_executor_plugins import utils
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

_SPECIAL_IN_DOUBLE_QUOTES = re.compile(r"([\\$`])")


def quote_everything() -> None:
    """Have Snakemake quote every path that it writes for a shell, here and in a cluster's jobs."""
    _replace(PythonScript, "_execute_cmd", _with_quoted_python)
    _replace(utils, "format_cli_value", _with_a_shells_quotes)
    for executor in (local.Executor, RemoteExecutor, _loaded("slurm_jobstep")):
        if executor is not None:
            _replace(executor, "get_python_executable", _quoted)
    if (slurm := _loaded("slurm")) is not None:
        _replace(slurm, "format_job_exec", _as_text_in_double_quotes)


def _replace(owner: Any, name: str, maker: Callable[[Callable[..., Any]], Any]) -> None:
    """Put ``maker(what was there)`` in its place; once, however often a Snakefile is read."""
    plain = getattr(owner, name)
    if not hasattr(plain, "quotes"):
        made = maker(plain)
        made.quotes = True
        setattr(owner, name, made)


def _loaded(plugin: str) -> Any:
    """The executor of a plugin that is in use."""
    module = sys.modules.get(f"snakemake_executor_plugin_{plugin}")
    return getattr(module, "Executor", None)


def _with_quoted_python(run: Callable[..., Any]) -> Callable[..., Any]:
    def execute(script: PythonScript, cmd: str, **words: Any) -> Any:
        if "py_exec" in words:
            words["py_exec"] = shlex.quote(words["py_exec"])
        return run(script, cmd, **words)

    return execute


def _with_a_shells_quotes(plain: Callable[..., str]) -> Callable[..., str]:
    def write(value: Any, quote: bool = False, base64_encode: bool = False) -> str:
        if quote and isinstance(value, str) and not base64_encode and not utils.is_quoted(value):
            return shlex.quote(value)
        return plain(value, quote, base64_encode)

    return write


def _quoted(plain: Callable[[Any], str]) -> Callable[[Any], str]:
    def python(executor: Any) -> str:
        return shlex.quote(plain(executor))

    return python


def _as_text_in_double_quotes(plain: Callable[..., str]) -> Callable[..., str]:
    """The plugin puts a job between double quotes and cares for quotes in it alone."""

    def write(executor: Any, job: Any) -> str:
        text = plain(executor, job)
        as_script = executor.workflow.executor_settings.pass_command_as_script
        return text if as_script else _SPECIAL_IN_DOUBLE_QUOTES.sub(r"\\\1", text)

    return write
