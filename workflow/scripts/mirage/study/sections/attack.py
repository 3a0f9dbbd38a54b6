"""The section ``attacks``: settings that may change those of another attack."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal

from mirage.attacks.kinds import KINDS
from mirage.evaluation.measures import of_attacks
from mirage.marks import Label, MadeBy, Natural, Omissible, PartOf, Seed, bounded, entry, several
from mirage.recipes import Recipe
from mirage.study.sections.names import AttackName, DatasetName, MeasureName, PoolName, PriorName
from mirage.study.sections.registered import with_entries, without


@dataclass(frozen=True)
class DrawnClasses(Recipe):
    """Classes drawn at random.

    Attributes:
        draw: ``uniform``, or ``balanced``: as many of each of the data set's groups.
        count: how many.
        seed: of the draw; a larger one of the same seed holds a smaller one.
    """

    draw: Literal["uniform", "balanced"]
    count: Annotated[int, bounded(least=2)]
    seed: Seed


@dataclass(frozen=True)
class MeasuredChanges(Recipe):
    """Settings of measures where an attack's own program takes them in another way."""


MEASURED_CHANGES = with_entries(
    MeasuredChanges,
    {
        name: Annotated[Mapping[str, Any], PartOf(without(measure.recipe, {"image_px": 1}))]
        for name, measure in of_attacks().items()
    },
)


@dataclass(frozen=True)
class AttackChanges(Recipe):
    """Settings of an attack, or of one on a data set; each stage's recipe is made of them all.

    Attributes:
        classes: which are attacked: all, the first few, those listed, or drawn.
        pool: where candidates come from.
        prior: what renders latents, of an attack that draws no candidates.
        measures: what else is measured of it.
    """

    classes: Omissible[
        Literal["all"]
        | Annotated[int, bounded(least=2)]
        | Annotated[tuple[Natural, ...], several(least=2)]
        | DrawnClasses
    ] = None
    pool: Omissible[PoolName] = None
    prior: Omissible[PriorName] = None
    measures: Omissible[Annotated[tuple[MeasureName, ...], several(least=0)]] = None


STAGES = {
    stage.settings: Annotated[Mapping[str, Any], PartOf(stage.recipe)]
    for kind in KINDS.values()
    for stage in kind.stages
}
"""Block of settings -> its type, of every stage of every kind of attack."""
BLOCKS = {**STAGES, "measured": Annotated[Recipe, MadeBy(MEASURED_CHANGES)]}
"""The same, and changes of the measures' settings."""
CHANGES = with_entries(AttackChanges, BLOCKS)


@dataclass(frozen=True)
class AttackSection(AttackChanges):
    """One attack.

    Attributes:
        title: its name in print.
        paper: the paper's variant of the attack whose numbers stand beside it.
        kind: which stages it has.
        like: another attack whose settings these change.
        per_dataset: changes for targets of a data set.
    """

    title: Omissible[Label] = None
    paper: Omissible[Label] = None
    kind: Omissible[Annotated[str, entry(KINDS)]] = None
    like: Omissible[AttackName] = None
    per_dataset: Mapping[DatasetName, Annotated[Recipe, MadeBy(CHANGES)]] = field(
        default_factory=dict
    )


ATTACK = with_entries(AttackSection, BLOCKS)
