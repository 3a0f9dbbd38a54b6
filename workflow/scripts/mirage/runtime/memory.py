"""A GPU that is too small, told in terms of the setting to lower."""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from mirage.errors import MirageError

Figures = Mapping[str, Any] | None
_Work = Callable[[Any], Figures]


def limited_by(setting: str) -> Callable[[_Work], _Work]:
    """Let a job that runs out of GPU memory name the configuration's key that decides it.

    Args:
        setting: ``optimise_batch`` or ``forward_batch``; the task carries its value as the
            parameter ``batch``.
    """
    return _telling(lambda task: _lower(task, setting))


def _lower(task: Any, setting: str) -> MirageError:
    value = int(task.params.batch)
    # Latents are optimised in whole batches of the recipe; every image is rendered alone.
    least = int(task.params.recipe.get("batch_size", 1)) if setting == "optimise_batch" else 1
    problem = f"the GPU's memory is too small for {task.rule} with {setting} = {value}"
    if value <= least:
        return MirageError(
            problem,
            "a GPU that holds this batch, which is not cut further",
            "take a GPU with more memory, or set precision: bf16 for this stage, which is not "
            "the published arithmetic",
        )
    lower = max(value // 2 // least, 1) * least
    return MirageError(
        problem,
        "a batch that fits",
        f"lower it where it stands (settings.yaml of the profile, or config.yaml) or with "
        f"--config {setting}={lower}, and run the same command again; results change by "
        "rounding alone, and --rerun-triggers mtime input keeps the finished jobs",
    )


def _telling(advice: Callable[[Any], MirageError]) -> Callable[[_Work], _Work]:
    def decorate(work: _Work) -> _Work:
        @wraps(work)
        def told(task: Any) -> Figures:
            try:
                return work(task)
            except RuntimeError as error:
                # By name: a script should not import torch for this before its work does.
                if type(error).__name__ != "OutOfMemoryError":
                    raise
                raise advice(task) from error

        return told

    return decorate


limited_by_stage = _telling(lambda task: _lower(task, str(task.params.limit)))
"""The same where the parameter ``limit`` names the key; decorates the job's work."""

limited_by_recipe = _telling(
    lambda task: MirageError(
        f"the GPU's memory is too small for the recipe of {task.rule}",
        remedy="free the GPU of other processes, take one with more memory, or set precision: "
        "bf16; a smaller batch_size fits too, but makes another recipe with other results",
    )
)
"""The same for a training, whose batch size is part of the result; decorates its work."""
