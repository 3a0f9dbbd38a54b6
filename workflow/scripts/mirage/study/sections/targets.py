"""The sections ``architectures``, ``training`` and ``targets``."""

from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from mirage.kinds import Count, Omissible, Seed, bounded, several
from mirage.recipes import Recipe
from mirage.study.sections.names import (
    ArchitectureName,
    AssetName,
    AttackName,
    DatasetName,
    TrainingName,
    Word,
)
from mirage.targets.recipe import TrainingRecipe

Alpha: TypeAlias = Annotated[float, bounded(most=1)]
"""Label-smoothing factor of any sign."""
Samples: TypeAlias = Count | Literal["all"]
"""Training images per class."""


@dataclass(frozen=True)
class ArchitectureSection(Recipe):
    """What an architecture of the registry sees and starts from.

    Attributes:
        paper: the paper's name for it; null for none.
        view: the view of every data set that it is shown.
        init: asset with its initial weights.
    """

    paper: str | None
    view: Word
    init: Omissible[AssetName] = None


@dataclass(frozen=True)
class TrainingSection(TrainingRecipe):
    """How targets or networks are trained; the factor is the cell's."""

    alpha: float = field(default=0.0, init=False)


@dataclass(frozen=True)
class GridSection(Recipe):
    """Cells: every combination of the lists.

    Attributes:
        dataset: what the targets are trained on.
        architectures: of the targets.
        alphas: label-smoothing factors.
        samples: training images per class.
        seeds: one target each.
        training: how they are trained.
        attacks: run on every target.
    """

    dataset: DatasetName
    architectures: Annotated[tuple[ArchitectureName, ...], several()]
    alphas: Annotated[tuple[Alpha, ...], several()]
    samples: Annotated[tuple[Samples, ...], several()]
    seeds: Annotated[tuple[Seed, ...], several()]
    training: TrainingName
    attacks: Annotated[tuple[AttackName, ...], several(least=0)]
