"""What Snakemake 9.27 finds out anew for every job of a plan, found out once.

It inspects the signature of every function of a rule at every call, reads a rule's script for each
of its jobs to see that it is there, and makes a path of every output to see that none lies in
another. With thousands of jobs that is seconds of every start.
"""

import gc
import inspect
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from snakemake.dag import DAG, ScriptProcessor
from snakemake.resources import Resource

_look_at_script = ScriptProcessor.process_job
_check_folders = DAG.check_directory_outputs


def ask_once() -> None:
    """Keep Snakemake from repeating itself; also when a Snakefile is read a second time."""
    Resource.evaluate = takes(Resource.evaluate, "args", "kwargs")
    ScriptProcessor.process_job = _look_once
    DAG.check_directory_outputs = _check_if_any
    # The plan stays to the end: looking through all of it for garbage, at every few hundred new
    # objects, finds none.
    gc.set_threshold(100_000, 20, 20)


def takes(function: Callable[..., Any], *names: str) -> Callable[..., Any]:
    """Tell Snakemake the parameters of a function, which it would inspect at every call.

    Returns:
        The function, with the note that Snakemake looks for (``get_function_params``).
    """
    parameters = inspect.signature(function).parameters
    function._overwrite_params = {name: parameters[name] for name in names}  # type: ignore[attr-defined]
    return function


def _look_once(processor: Any, job: Any) -> None:
    """Look at a script for the first job of its rule; a path with wildcards for each."""
    script = getattr(job.rule, processor.script_type, None)
    looked_at = vars(processor).setdefault("looked_at", set())
    if job.rule not in looked_at:
        _look_at_script(processor, job)
    if isinstance(script, str) and "{" not in script:
        looked_at.add(job.rule)


def _check_if_any(dag: Any) -> None:
    """Have outputs compared where one may lie in another: where a path is another's folder."""
    here = Path.cwd()
    outputs = {str(file) for job in dag.jobs for file in job.output}
    files = {os.path.normpath(f if f.startswith("/") else f"{here}/{f}") for f in outputs}
    folders = {""}
    for file in files:
        folder = file.rpartition("/")[0]
        while folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    if not files.isdisjoint(folders):
        _check_folders(dag)
