"""What stages leave for some classes: files of it, and joining the chunks of separate jobs."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from typing import Any, ClassVar, TypeAlias, TypeVar

import torch
from torch import Tensor

from mirage import finite
from mirage.attacks import ties
from mirage.errors import MirageError
from mirage.runtime import files
from mirage.visible import listed


@dataclass(frozen=True)
class Ranked:
    """The best latents of each class, best first.

    Attributes:
        classes: attacked classes, int64 [K].
        latents: single w, float32 [K, n, w_dim].
        scores: mean probability of the class, float32 [K, n], falling.
        indices: their places among those they were chosen from, int64 [K, n].
        failed: how many of those have no finite score; no part of the file.
        tied: how many of those have the score of the last one kept, where not all of them are
            kept; no part of the file.
    """

    classes: Tensor
    latents: Tensor
    scores: Tensor
    indices: Tensor
    failed: int = 0
    tied: int = 0

    told: ClassVar[str]

    def figures(self) -> dict[str, float]:
        """Figures worth a line in log and record."""
        return {
            self.told: self.scores.mean().item(),
            **ties.figures(self.scores, self.tied),
            **finite.figures(self.failed),
        }


class Candidates(Ranked):
    """Starting points, of the pool."""

    told = "mean confidence"


class Selected(Ranked):
    """What an attack ends with, of each class's results; scores are under random transforms."""

    told = "robust confidence"

    @property
    def best(self) -> Tensor:
        """Place of each class's best latent, int64 [K]: the first."""
        return torch.zeros_like(self.classes)


@dataclass(frozen=True)
class Optimised:
    """Optimised latents, in the order of the candidates.

    Attributes:
        classes: attacked classes, int64 [K].
        latents: single w, float32 [K, n, w_dim].
        losses: mean loss of each class before each step, float32 [K, steps]; of those that are
            finite, where some are not.
        failed: latents that are no longer finite; no part of the file.
        compiled: share of the steps that compiled code has taken; no part of the file.
    """

    classes: Tensor
    latents: Tensor
    losses: Tensor
    failed: int = 0
    compiled: float = 0.0

    def figures(self) -> dict[str, float]:
        """Figures worth a line in log and record."""
        figures = finite.figures(self.failed)
        if self.losses.shape[1] == 0:  # no steps
            return figures
        first, last = self.losses[:, 0].mean().item(), self.losses[:, -1].mean().item()
        return {"first loss": first, "last loss": last, "compiled": self.compiled, **figures}


@dataclass(frozen=True)
class Reconstructed:
    """What an attack on latents of a GAN ends with, in the order in which they were found.

    Attributes:
        classes: attacked classes, int64 [K].
        latents: z, float32 [K, n, z_dim].
        scores: the target's probability of the class, float32 [K, n]; of an attack that sees labels
            only, the share of the last sphere's points inside.
        queries: images that the target was shown for each class, int64 [K]; 0 where it is open.
        found: whether the class was found at all, bool [K].
        failed: latents that are no longer finite; no part of the file.
    """

    classes: Tensor
    latents: Tensor
    scores: Tensor
    queries: Tensor
    found: Tensor
    failed: int = 0

    @property
    def best(self) -> Tensor:
        """Place of each class's surest latent, int64 [K]; a score that is not finite is none."""
        return self.scores.nan_to_num(-torch.inf, -torch.inf, -torch.inf).argmax(dim=1)

    def figures(self) -> dict[str, float]:
        """Figures worth a line in log and record."""
        return {
            "mean confidence": self.scores.mean().item(),
            "found": self.found.float().mean().item(),
            "queries": self.queries.float().mean().item(),
            **finite.figures(self.failed),
        }


AttackOutcome: TypeAlias = Selected | Reconstructed
"""What the last stage of an attack leaves, which is evaluated."""
Result: TypeAlias = Candidates | Optimised | AttackOutcome
Held = TypeVar("Held", Candidates, Optimised, Selected, Reconstructed)


def save_result(path: str | Path, result: Result, metadata: Mapping[str, Any]) -> None:
    """Write one stage's result; ``metadata`` says how, the same for all chunks of an attack."""
    tensors = {name: getattr(result, name) for name in _columns(type(result))}
    files.save_tensors(path, tensors, {"stage": type(result).__name__, "made_by": dict(metadata)})


def load_result(kind: type[Held], path: str | Path, classes: Sequence[int] | None = None) -> Held:
    """Read one stage's result.

    Args:
        kind: ``Candidates``, ``Optimised``, ``Selected`` or ``Reconstructed``.
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


def load_outcome(path: str | Path) -> AttackOutcome:
    """Read what an attack ends with, of either kind.

    Raises:
        MirageError: the file is missing, damaged, or of an earlier stage.
    """
    if files.read_metadata(path).get("stage") == Reconstructed.__name__:
        return load_result(Reconstructed, path)
    return load_result(Selected, path)


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
    found, wanted = Counter(held), Counter(classes)
    if found != wanted:
        faulty = sorted((found - wanted) | (wanted - found))
        raise MirageError(
            f"the chunks lack these classes, or hold them twice or unasked: {listed(faulty)}",
            "every attacked class exactly once",
            "delete the chunks of this attack; the next run makes them anew",
        )
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
