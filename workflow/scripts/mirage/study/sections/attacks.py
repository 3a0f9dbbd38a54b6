"""The section ``attacks``: settings that may change those of another attack."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

from mirage.attacks.recipe import OptimisationRecipe, SamplingRecipe, SelectionRecipe
from mirage.kinds import Label, Omissible, PartOf
from mirage.recipes import Recipe
from mirage.study.sections.names import AttackName, DatasetName, PoolName


@dataclass(frozen=True)
class AttackChanges(Recipe):
    """Settings of an attack, or of one on a data set; each stage's recipe is made of them all.

    Attributes:
        pool: where candidates come from.
        sampling: how starting points are chosen.
        optimisation: how latents are optimised.
        selection: how results are ranked.
    """

    pool: Omissible[PoolName] = None
    sampling: Annotated[Mapping[str, Any], PartOf(SamplingRecipe)] = field(default_factory=dict)
    optimisation: Annotated[Mapping[str, Any], PartOf(OptimisationRecipe)] = field(
        default_factory=dict
    )
    selection: Annotated[Mapping[str, Any], PartOf(SelectionRecipe)] = field(default_factory=dict)


@dataclass(frozen=True)
class AttackSection(AttackChanges):
    """One attack.

    Attributes:
        title: its name in print.
        like: another attack whose settings these change.
        per_dataset: changes for targets of a data set.
    """

    title: Omissible[Label] = None
    like: Omissible[AttackName] = None
    per_dataset: Mapping[DatasetName, AttackChanges] = field(default_factory=dict)
