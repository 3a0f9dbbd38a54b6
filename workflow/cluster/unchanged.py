"""A finished study that nobody has touched is not planned a second time.

Planning thousands of jobs only to find that nothing is to be done takes Snakemake 9.27 seconds.
When a plan of its own has found that, what it followed from is noted: settings, code, and the
size, time and inode of every file in it and of every folder that is searched for files. While all
of these are the same, so is what would come of a plan, and Snakemake is handed an empty one.
Whatever differs, or is asked for in other words than by targets alone, is planned as ever.
"""

import dataclasses
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import snakemake
from mirage.errors import MirageError
from mirage.runtime import files
from snakemake.dag import DAG
from snakemake.settings.types import DAGSettings
from snakemake_interface_executor_plugins.settings import ExecMode

_NOTES = Path(".unchanged.json")
_SETTLED_S = 60.0  # longer than a Snakefile takes to read: younger code may have changed meanwhile
_BOOKS = (".snakemake/metadata", ".snakemake/incomplete")
# Settings that are noted, or mean nothing where no file is half-finished. Any other forces,
# restricts or trusts something.
_NOTED = {"targets", "rerun_triggers", "force_incomplete", "print_dag_as"}

_plan = DAG.init
_started: dict[str, Any] = {}


def plan_only_changes(
    checkout: Path, config: Mapping[str, Any], searched: Iterable[Path] = ()
) -> None:
    """Look at the code that this start reads, and have Snakemake plan only where it must.

    Args:
        checkout: folder of the Snakefile.
        config: the whole configuration.
        searched: folders in which a plan takes whatever files there are.
    """
    _started["searched"] = [str(folder) for folder in searched]
    rooms = (checkout / name for name in ("Snakefile", "workflow", "envs"))
    _started["code"] = dict(_stamps(path for room in rooms for path in _code(room)))
    _started["config"] = _digest({k: v for k, v in config.items() if k != "code"})
    newest = max(stamp[1] for stamp in _started["code"].values() if stamp)
    _started["settled"] = time.time() - newest / 1e9 > _SETTLED_S
    DAG.init = _plan_if_changed


def remember(workflow: Any) -> None:
    """After a run: if a plan made now finds nothing to do, note what it follows from."""
    if not _asks_for_targets_alone(workflow):
        return
    done = workflow.dag
    before = _followed_from(done)
    again = DAG(workflow, done.rules, targetfiles=done.targetfiles, targetrules=done.targetrules)
    workflow.async_run(_plan(again))
    if not any(again.needrun_jobs()) and _followed_from(again) == before:
        _note(before)


async def _plan_if_changed(dag: Any, *given: Any, **named: Any) -> None:
    """Plan, unless the notes say what would come of it."""
    if not _asks_for_targets_alone(dag.workflow):
        return await _plan(dag, *given, **named)
    with suppress(MirageError, OSError, TypeError, KeyError):
        held = files.read_json(_NOTES)
        if held == {**_asked(dag), "files": dict(_stamps(held["files"]))}:
            return None
    await _plan(dag, *given, **named)
    if not any(dag.needrun_jobs()):
        _note(_followed_from(dag))


def _asks_for_targets_alone(workflow: Any) -> bool:
    """Whether this is a run that does what is missing of some targets, and nothing else."""
    usual, settings = DAGSettings(), workflow.dag_settings
    asked = {
        field.name
        for field in dataclasses.fields(settings)
        if (getattr(settings, field.name) or None) != (getattr(usual, field.name) or None)
    }
    return (
        workflow.executor_plugin is not None  # else no run: a summary, a report, a removal
        and not workflow.dryrun
        and not workflow.touch
        and workflow.exec_mode == ExecMode.DEFAULT
        and asked <= _NOTED
    )


def _note(followed_from: Mapping[str, Any]) -> None:
    if _started["settled"]:
        with suppress(MirageError, OSError):
            files.write_json(_NOTES, followed_from, sealed=False)


def _followed_from(dag: Any) -> dict[str, Any]:
    """All that a plan in which nothing is to be done follows from, JSON-able."""
    paths = {str(file) for job in dag.jobs for file in (*job.input, *job.output)}
    return {**_asked(dag), "files": dict(_stamps(sorted({*paths, *_BOOKS, *_started["searched"]})))}


def _asked(dag: Any) -> dict[str, Any]:
    workflow = dag.workflow
    return {
        "snakemake": f"{snakemake.__version__} on {sys.version}",
        "targets": sorted([*map(str, dag.targetfiles), *(rule.name for rule in dag.targetrules)]),
        "triggers": sorted(map(str, workflow.dag_settings.rerun_triggers)),
        "deployment": sorted(map(str, workflow.deployment_settings.deployment_method)),
        "config": _started["config"],
        "code": _started["code"],
    }


def _code(room: Path) -> Iterator[str]:
    if room.is_file():
        yield str(room)
    for folder, folders, names in os.walk(room):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from (f"{folder}/{name}" for name in names)


def _stamps(paths: Iterable[str]) -> Iterator[tuple[str, list[int] | None]]:
    """Size, time and inode of each path, of a link also its own time; None where nothing is."""
    for path in paths:
        stamp = None
        with suppress(OSError):
            status, own = Path(path).stat(), os.lstat(path)
            stamp = [status.st_size, status.st_mtime_ns, status.st_ino, own.st_mtime_ns]
        yield path, stamp


def _digest(value: Any) -> str:
    text = json.dumps(value, sort_keys=True, default=str)
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()
