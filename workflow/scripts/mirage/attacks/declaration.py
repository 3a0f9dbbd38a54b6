"""What an attack declares: its stages in their order, what each reads, how it is cut.

Planning reads declarations, so they and the recipes they name import no torch.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from mirage.errors import MirageError
from mirage.recipes import Compilation, Recipe

Settings = Mapping[str, Any]
Input = Literal["weights", "before", "generator", "discriminator", "pool", "public", "students"]
"""Files a stage may read: the model that runs it, what the stage before left, the prior's two
networks, the candidate pool, the public images that the prior was trained on, and students of that
model."""

Misfits = Callable[[Settings, Settings, Settings], Iterator[str]]
"""(settings of the attack, its pool's, its prior's) -> ``key: problem`` texts."""


@dataclass(frozen=True)
class AttackStage:
    """One stage of an attack.

    Attributes:
        role: module of the attack's package that runs it; who plays it may be swapped, if it is one
            of ``study.cells.ROLES``.
        result: name of what it leaves.
        settings: name of its block of settings.
        recipe: what that block makes.
        reads: files it always reads.
        on_demand: further files -> the setting, of the stage or of the whole attack, that asks for
            each by being there and more than 0.
        cut: whether it runs in chunks of classes; results of one name are all cut or all whole.
        batch: the setting that limits how much it takes to the device at once.
        together: the setting that says how many classes, in their order, make one official batch,
            whose results depend on one another: chunks hold whole ones. Empty where every class is
            alone.
        compile: the setting of ``compile`` that says whether its steps are compiled; empty where
            they cannot be.
    """

    role: str
    result: str
    settings: str
    recipe: type[Recipe]
    reads: tuple[Input, ...]
    on_demand: Mapping[Input, str] = field(default_factory=dict)
    cut: bool = True
    batch: Literal["forward_batch", "optimise_batch"] = "forward_batch"
    together: str = ""
    compile: Literal["", "optimise"] = ""

    def classes_together(self, settings: Settings) -> int:
        """Classes of one official batch, of the stage's block of settings."""
        return int(getattr(self.recipe.of(settings), self.together)) if self.together else 1

    def compilation(self, told: Mapping[str, bool | Compilation]) -> Compilation:
        """Whether to compile its steps, from the configuration's ``compile``."""
        if not self.compile:
            return "off"
        said = told[self.compile]
        if isinstance(said, bool):  # as YAML reads a bare on or off
            return "on" if said else "off"
        return said

    def inputs(self, settings: Settings) -> list[Input]:
        """Files it reads with some settings: its own and the attack's."""
        asked = [name for name, setting in self.on_demand.items() if settings.get(setting)]
        return [*self.reads, *asked]


@dataclass(frozen=True)
class AttackKind:
    """A kind of attack.

    Attributes:
        stages: in the order in which they run; the last one's result is what is evaluated.
        images_per_class: (settings of the attack) -> results of each class.
        run: role -> what runs that stage.
        checks: its module ``misfits`` says which settings do not fit one another.
        costs: its module ``cost`` says, by role, what a stage costs.
        priors: kinds of prior that it works with; none for any.
    """

    stages: tuple[AttackStage, ...]
    images_per_class: Callable[[Settings], int]
    run: Mapping[str, Any]
    checks: Mapping[str, Misfits]
    costs: Mapping[str, Mapping[str, Any]]
    priors: tuple[str, ...] = ()

    def stage(self, result: str) -> AttackStage:
        """The stage that leaves a result.

        Raises:
            MirageError: none does.
        """
        for stage in self.stages:
            if stage.result == result:
                return stage
        known = ", ".join(stage.result for stage in self.stages)
        raise MirageError(f"no stage of this attack leaves {result!r}", f"one of {known}")

    def before(self, stage: AttackStage) -> AttackStage | None:
        """The stage before; None for the first."""
        place = self.stages.index(stage)
        return self.stages[place - 1] if place else None
