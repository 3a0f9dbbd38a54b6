"""What stages leave for some classes: files of it, and joining the chunks of separate jobs."""

from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

import torch
from torch import Tensor

from mirage import finite
from mirage.errors import MirageError
from mirage.runtime import files
from mirage.visible import listed


@dataclass(frozen=True)
class Candidates:
    """Starting points, best first.

    Attributes:
        classes: attacked classes, int64 [K].
        latents: single w, float32 [K, n, w_dim].
        indices: their places in the pool, int64 [K, n].
        scores: mean probability of the attacked class, float32 [K, n], falling.
        failed: candidates of the pool whose ratings are not finite; no part of the file.
    """

    classes: Tensor
    latents: Tensor
    indices: Tensor
    scores: Tensor
    failed: int = 0

    def figures(self) -> dict[str, float]:
        """Figures worth a line in log and record."""
        return {"mean confidence": self.scores.mean().item(), **finite.figures(self.failed)}


@dataclass(frozen=True)
class Optimised:
    """Optimised latents, in the order of the candidates.

    Attributes:
        classes: attacked classes, int64 [K].
        latents: single w, float32 [K, n, w_dim].
        losses: mean loss of each class before each step, float32 [K, steps]; of those that are
            finite, where some are not.
        failed: latents that are no longer finite; no part of the file.
    """

    classes: Tensor
    latents: Tensor
    losses: Tensor
    failed: int = 0

    def figures(self) -> dict[str, float]:
        """Figures worth a line in log and record."""
        figures = finite.figures(self.failed)
        if self.losses.shape[1] == 0:  # no steps
            return figures
        first, last = self.losses[:, 0].mean().item(), self.losses[:, -1].mean().item()
        return {"first loss": first, "last loss": last, **figures}


@dataclass(frozen=True)
class Selected:
    """What an attack ends with, best first.

    Attributes:
        classes: attacked classes, int64 [K].
        latents: single w, float32 [K, m, w_dim].
        scores: mean probability of the class under random transforms, float32 [K, m], falling.
        indices: their places among the class's n results, int64 [K, m].
        failed: results whose scores are not finite; no part of the file.
    """

    classes: Tensor
    latents: Tensor
    scores: Tensor
    indices: Tensor
    failed: int = 0

    def figures(self) -> dict[str, float]:
        """Figures worth a line in log and record."""
        return {"robust confidence": self.scores.mean().item(), **finite.figures(self.failed)}


Result: TypeAlias = Candidates | Optimised | Selected
Held = TypeVar("Held", Candidates, Optimised, Selected)


def save_result(path: str | Path, result: Result, metadata: Mapping[str, Any]) -> None:
    """Write one stage's result for some classes.

    Args:
        path: a safetensors file.
        result: what the stage returned.
        metadata: how it was made; the same for all chunks of one attack.
    """
    tensors = {name: getattr(result, name) for name in _columns(type(result))}
    files.save_tensors(path, tensors, {"stage": type(result).__name__, "made_by": dict(metadata)})


def load_result(kind: type[Held], path: str | Path, classes: Sequence[int] | None = None) -> Held:
    """Read one stage's result.

    Args:
        kind: ``Candidates``, ``Optimised`` or ``Selected``.
        path: the file.
        classes: whose rows, in that order; None for all.

    Raises:
        MirageError: the file is missing, damaged, of another stage, or lacks a class.
    """
    held = files.read_metadata(path).get("stage")
    if held != kind.__name__:
        raise MirageError(f"{path} holds {held or 'no latents'}", kind.__name__)
    columns: dict[str, Any] = files.load_tensors(path, *_columns(kind))
    if classes is not None:
        rows = _rows(columns["classes"].tolist(), classes, str(path))
        columns = {name: column[rows] for name, column in columns.items()}
    return kind(**columns)


def join_chunks(
    paths: Sequence[str | Path], classes: Sequence[int]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Join the chunks of any stage, class by class.

    Args:
        paths: their files, in any order.
        classes: all attacked classes.

    Returns:
        The tensors of one file with every class once, in the order of ``classes``, and its header.

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
    parts: list[dict[str, Tensor]] = [files.load_tensors(path) for path in paths]
    joined = {name: torch.cat([part[name] for part in parts]) for name in parts[0]}
    held = joined["classes"].tolist()
    _check_cover(held, classes)
    rows = _rows(held, classes, str(paths[0]))
    return {name: column[rows] for name, column in joined.items()}, first


def _columns(kind: type[Any]) -> list[str]:
    """What a file holds of a result: all but counts, which are for the job's record."""
    return [field.name for field in fields(kind) if field.default is MISSING]


def _rows(held: Sequence[int], classes: Sequence[int], path: str) -> Tensor:
    place = {label: row for row, label in enumerate(held)}
    missing = [label for label in classes if label not in place]
    if missing:
        raise MirageError(
            f"{path} lacks the attacked classes {listed(missing)}",
            remedy="delete it; the next run makes it anew",
        )
    return torch.tensor([place[label] for label in classes])


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
