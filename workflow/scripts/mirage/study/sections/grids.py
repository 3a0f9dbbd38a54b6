"""The sections ``architectures``, ``training`` and ``targets``."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, TypeAlias

from mirage.marks import In, Omissible, PartOf, Samples, Seed, several, spelled
from mirage.recipes import Recipe
from mirage.study.grammar import ATTACK
from mirage.study.sections.names import (
    ArchitectureName,
    AssetName,
    DatasetName,
    TrainingName,
    Word,
)
from mirage.study.sections.registered import with_entries, without
from mirage.study.treatment import Treatment
from mirage.targets.parts import TreatmentPart
from mirage.targets.treatments import PARTS


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


def _chosen(part: type[TreatmentPart]) -> Any:
    """What of a part's recipe does not stand in its name."""
    named = dict.fromkeys([*part.numbers, part.sibling])
    return Annotated[Mapping[str, Any], PartOf(without(part, named))]


@dataclass(frozen=True)
class TreatmentsSection(Recipe):
    """Settings of the parts of treatments that do not stand in a cell's name."""


TREATMENTS = with_entries(TreatmentsSection, {name: _chosen(PARTS[name]) for name in PARTS})


GridAttack: TypeAlias = Annotated[
    str,
    spelled(
        ATTACK,
        "such as ppa, or ppa+select@ls0.1, where the target's sibling of that treatment runs a "
        "stage, on the same data set and from the same prior",
    ),
    In("attacks"),
]


@dataclass(frozen=True)
class GridSection(Recipe):
    """Cells: every combination of the lists.

    Attributes:
        dataset: what the targets are trained on.
        architectures: of the targets.
        treatments: what their trainings do.
        samples: training images per class.
        seeds: one target each.
        training: how they are trained.
        attacks: run on every target, with the models that run stages for them.
    """

    dataset: DatasetName
    architectures: Annotated[tuple[ArchitectureName, ...], several()]
    treatments: Annotated[tuple[str, ...], several()]
    samples: Annotated[tuple[Samples, ...], several()]
    seeds: Annotated[tuple[Seed, ...], several()]
    training: TrainingName
    attacks: Annotated[tuple[GridAttack, ...], several(least=0)]

    def __post_init__(self) -> None:
        for treatment in self.treatments:
            Treatment.parse(treatment)
