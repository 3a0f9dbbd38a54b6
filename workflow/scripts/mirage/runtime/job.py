"""One job from start to end: log, errors in plain words, the record it leaves.

``main`` decorates the function of a script, ``run`` does it with the task (inputs, outputs, params,
log). The library does not know who made the task; any object with those attributes will do.
"""

import ctypes
import datetime
import hashlib
import inspect
import logging
import math
import os
import platform
import resource
import sys
import time
import traceback
from collections.abc import Callable, Mapping
from importlib import metadata
from pathlib import Path
from typing import Any

from mirage.errors import Interrupted, MirageError
from mirage.runtime import claims, effort, files, finished, integrity, slots, warm
from mirage.runtime.devices import device_name
from mirage.runtime.progress import clock
from mirage.visible import visible

_log = logging.getLogger("mirage")
_PACKAGES = ("torch", "torchvision", "numpy", "scipy", "pandas", "safetensors")

_PROBLEM = 1
_INTERRUPTED = 143
KEEP_S = float(os.environ.get("MIRAGE_KEEP_S", "60"))
"""Work that took so long is kept for a second job of the same work; shorter work is repeated."""

Assignment = Any
_Work = Callable[[Assignment], Mapping[str, Any] | None]


def main(work: _Work) -> None:
    """Do the job at once with the global ``snakemake`` of the script that defines its work."""
    run(work, inspect.unwrap(work).__globals__["snakemake"])


def run(work: _Work, task: Any) -> None:
    """Do one job and leave its record.

    Args:
        work: takes the task and returns the figures worth a line (or None).
        task: has ``rule``, ``input``, ``output``, ``params``, ``log``, ``threads``,
            ``wildcards`` and ``config``, whose entry ``code`` holds each rule's code digest. If
            ``output`` has an entry ``job``, the record goes there.

    Exits with status 1 after a problem (one message, no traceback for a ``MirageError``) and 143
    after a stop with saved state.
    """
    # Snakemake's package adds a relative path, which here leads into the results.
    sys.path[:] = filter(os.path.isabs, sys.path)
    started = time.time()
    name = " ".join([task.rule, *map(str, task.wildcards)])
    _start_log(Path(str(task.log[0])), name)
    os.environ["MIRAGE_JOB"] = name
    os.environ["OMP_NUM_THREADS"] = str(task.threads)
    if "torch" in sys.modules:
        sys.modules["torch"].set_num_threads(task.threads)
    _keep_memory()
    status = 0
    try:
        with claims.claimed(f"state/claims/{_place(task)}.claim"):
            effort.begin()
            for path in map(Path, map(str, task.input)):
                if not path.is_dir():
                    files.sound(path)
            if not _adopted(task):
                figures = work(task)
                _finish(task, started, figures or {})
        finished.collected(map(str, task.input))
    except MirageError as error:
        _log.error("%s", error)
        status = _PROBLEM
    except Interrupted:
        _log.warning("told to stop; the state is saved, the same command goes on from here")
        status = _INTERRUPTED
    except KeyboardInterrupt:
        _log.warning("stopped; nothing half-written is left, the same command starts this job anew")
        status = _INTERRUPTED
    except Exception:
        _log.error("unexpected error:\n%s", traceback.format_exc())
        status = _PROBLEM
    finally:
        logging.shutdown()
    if status:
        sys.exit(status)


def identity(task: Any) -> dict[str, Any]:
    """What makes a piece of work this one: its settings, its code, the bytes of its inputs.

    State saved under another identity is not resumed. Batches and the configured device are among
    the settings; the GPU's model, threads and versions are not (see ``Checkpoint.load``).
    """
    if id(task) not in _identities:
        _identities[id(task)] = {
            **_asked(task),
            "inputs": [_checksum(Path(str(path))) for path in task.input],
        }
    return _identities[id(task)]


_identities: dict[int, dict[str, Any]] = {}  # reading large inputs once is enough


def _checksum(path: Path) -> str:
    """Digest of an input; of a folder's names, sizes and times only, since it may be vast."""
    if not path.is_dir():
        return integrity.digest(path) or files.checksum(path)
    digest = hashlib.blake2b(digest_size=16)
    for file in sorted(path.rglob("*")):
        status = file.stat()
        digest.update(f"{file}:{status.st_size}:{status.st_mtime_ns}".encode())
    return digest.hexdigest()


def _keep_memory() -> None:
    """Have glibc keep freed memory instead of returning it between two steps.

    Otherwise every step faults the same pages in again: up to a third of the time of a small
    network's training step.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return  # another C library
    mmap_threshold, trim_threshold, top_pad = -3, -1, -2  # <malloc.h>
    mallopt(mmap_threshold, 32 << 20)
    mallopt(trim_threshold, (1 << 31) - 1)
    mallopt(top_pad, 64 << 20)


def _start_log(path: Path, name: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    for handler, pattern in (
        (logging.FileHandler(path, mode="w", encoding="utf-8"), "%(asctime)s %(message)s"),
        (logging.StreamHandler(sys.stderr), f"  [{name.replace('%', '%%')}] %(message)s"),
    ):
        handler.setFormatter(_Formatter(pattern, "%H:%M:%S"))
        _log.addHandler(handler)
    _log.setLevel(logging.INFO)
    _log.propagate = False


class _Formatter(logging.Formatter):
    """Shows what names of files and messages of libraries would otherwise do to a terminal."""

    def format(self, record: logging.LogRecord) -> str:
        return visible(super().format(record), keep="\n\t")


def _place(task: Any) -> str:
    """Where a piece of work keeps what is its own below ``state/``."""
    return "/".join([task.rule, *map(str, task.wildcards)])


def _adopted(task: Any) -> bool:
    """Take over what an earlier job for the same work has finished, if it has."""
    if not finished.waiting(_place(task)):
        return False
    if finished.adopt(_place(task), _outputs(task), identity(task)):
        _log.info("done: an earlier job had finished this work; its outputs are taken over")
        return True
    finished.discard(_place(task))
    return False


def _finish(task: Any, started: float, figures: Mapping[str, Any]) -> None:
    taken = effort.so_far()
    if "job" in task.output.keys():  # noqa: SIM118 - a named list, not a mapping
        record = {**_record(task, started, taken), "figures": _figures(figures)}
        files.write_json(task.output["job"], record)
    # Inputs that changed meanwhile would be taken for those the work was done with.
    unchanged = all(Path(str(path)).stat().st_mtime < started for path in task.input)
    if taken.wall_s >= KEEP_S and unchanged:
        finished.keep(_place(task), _outputs(task), identity(task))
    told = ", ".join(f"{key} {value:.4g}" for key, value in figures.items())
    _log.info("done in %s%s", clock(taken.wall_s), f": {told}" if told else "")


def _outputs(task: Any) -> list[str]:
    return [str(path) for path in task.output]


def _record(task: Any, started: float, taken: effort.Effort) -> dict[str, Any]:
    peak_kb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    own = task.output["job"]
    began = datetime.datetime.fromtimestamp(started, datetime.UTC)
    return {
        **_asked(task),
        # What a workflow that lost sight of this job needs to take its outputs over.
        "settings": sorted(map(repr, task.params)),
        "inputs": sorted(map(str, task.input)),
        "outputs": {path: Path(path).stat().st_size for path in _outputs(task) if path != own},
        "log": sorted(map(str, task.log)),
        "started": began.isoformat(timespec="milliseconds"),
        "slurm_job": os.environ.get("SLURM_JOB_ID"),
        "versions": {name: _version(name) for name in _PACKAGES},
        "python": platform.python_version(),
        "machine": {"node": platform.machine(), "cores": os.cpu_count(), "device": device_name()},
        "gpu": slots.held(),
        "threads": task.threads,
        "startup_s": round(started - (warm.job_started() or warm.process_started()), 3),
        "wall_s": round(taken.wall_s, 3),
        "cpu_s": round(taken.cpu_s, 3),
        "stretches": taken.stretches,
        "peak_memory_mb": round(peak_kb / 1024, 1),
        "peak_device_mb": _device_memory(),
    }


def _figures(figures: Mapping[str, Any]) -> dict[str, Any]:
    """Figures as JSON takes them: what is no finite number becomes text."""
    return {
        key: value if isinstance(value, int | float) and math.isfinite(value) else str(value)
        for key, value in figures.items()
    }


def _asked(task: Any) -> dict[str, Any]:
    """What was asked for, and the digest of the code that does it."""
    params = _plain(dict(task.params.items()))
    return {
        "rule": task.rule,
        "wildcards": dict(task.wildcards.items()),
        "params": params,
        "code": task.config["code"].of(task.rule, params),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _device_memory() -> float | None:
    """Most memory of tensors on the GPU, in MB; None without one."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return round(float(torch.cuda.max_memory_allocated()) / 1e6, 1)
    return None
