"""Files of the three stages, and joining the chunks of classes that separate jobs made."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields
from pathlib import Path
from typing import Any, TypeVar

import torch

from mirage.attacks.optimisation import Optimised
from mirage.attacks.sampling import Candidates
from mirage.attacks.selection import Selected
from mirage.errors import MirageError
from mirage.runtime import files
from mirage.visible import listed

Result = TypeVar("Result", Candidates, Optimised, Selected)


def save_latents(
    path: str | Path, result: Candidates | Optimised | Selected, metadata: Mapping[str, Any]
) -> None:
    """Write one stage's result for some classes.

    Args:
        path: a safetensors file.
        result: what the stage returned.
        metadata: how it was made; the same for all chunks of one attack.
    """
    tensors = {name: getattr(result, name) for name in _columns(type(result))}
    files.save_tensors(path, tensors, {"stage": type(result).__name__, "made_by": dict(metadata)})


def load_latents(stage: type[Result], path: str | Path) -> Result:
    """Read one stage's result.

    Args:
        stage: ``Candidates``, ``Optimised`` or ``Selected``.
        path: the file.

    Raises:
        MirageError: the file is missing, damaged, or of another stage.
    """
    held = files.read_metadata(path).get("stage")
    if held != stage.__name__:
        raise MirageError(f"{path} holds {held or 'no latents'}", stage.__name__)
    columns: dict[str, Any] = files.load_tensors(path, *_columns(stage))
    return stage(**columns)


def _columns(stage: type[Any]) -> list[str]:
    """What a file holds of a result: all but counts, which are for the job's record."""
    return [field.name for field in fields(stage) if field.default is MISSING]


def join_chunks(stage: type[Result], paths: Sequence[str | Path], classes: Sequence[int]) -> Result:
    """Join chunks into one result, in the order of ``classes``.

    Args:
        stage: what the chunks hold.
        paths: their files, in any order.
        classes: all attacked classes.

    Raises:
        MirageError: a class is missing, comes twice or does not belong, or the chunks are of
            different attacks.
    """
    first = files.read_metadata(paths[0])
    for path in paths[1:]:
        if files.read_metadata(path) != first:
            raise MirageError(
                f"{path} and {paths[0]} come from different attacks",
                "chunks made with the same settings",
                "delete both; the next run makes them anew",
            )
    parts = [load_latents(stage, path) for path in paths]
    held = torch.cat([part.classes for part in parts]).tolist()
    _check_cover(held, classes)
    place = {label: row for row, label in enumerate(held)}
    order = torch.tensor([place[label] for label in classes])
    columns: dict[str, Any] = {
        name: torch.cat([getattr(part, name) for part in parts])[order] for name in _columns(stage)
    }
    return stage(**columns)


def _check_cover(held: Sequence[int], classes: Sequence[int]) -> None:
    wanted = set(classes)
    faults = {
        "lack": sorted(wanted - set(held)),
        "hold more than once": sorted({label for label in held if held.count(label) > 1}),
        "hold unasked": sorted(set(held) - wanted),
    }
    for fault, labels in faults.items():
        if labels:
            named = listed(labels)
            raise MirageError(
                f"the chunks {fault} {'class' if len(labels) == 1 else 'classes'} {named}",
                "every attacked class exactly once",
                "delete the chunks of this attack; the next run makes them anew",
            )
