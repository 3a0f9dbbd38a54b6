"""The sections ``pools`` and ``students``: what attacks are equipped with beside a prior."""

from dataclasses import dataclass, field, fields

from mirage import draws
from mirage.attacks.recipe import PoolRecipe
from mirage.marks import DrawnSeed
from mirage.recipes import Recipe
from mirage.study.sections.names import DatasetName, PriorName, Word
from mirage.targets.students_recipe import StudentsRecipe


@dataclass(frozen=True)
class StudentsSection(Recipe):
    """Students that are trained here for every target, on its answers to public people.

    Attributes:
        dataset: public people.
        view: how they are shown: as the targets see theirs.
        seed: of their training; ``cell`` for the target's own.
        recipe: what they are and how they are trained.
    """

    dataset: DatasetName
    view: Word
    seed: DrawnSeed
    recipe: StudentsRecipe


@dataclass(frozen=True)
class PoolSection(PoolRecipe):
    """One pool of candidates: its recipe, whose seed the study settles, and its prior.

    Attributes:
        prior: what renders them.
        seed: of the latents z.
    """

    prior: PriorName = field(kw_only=True)
    seed: DrawnSeed = field(kw_only=True)  # type: ignore[assignment]  # settled in the recipe

    def __post_init__(self) -> None:
        own = {each.name: getattr(self, each.name) for each in fields(PoolRecipe)}
        PoolRecipe(**{**own, "seed": draws.settled(self.seed, 0)})
