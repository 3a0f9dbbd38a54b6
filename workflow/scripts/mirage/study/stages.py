"""An attack of the study as stages: who runs each, where its result lies, what it reads.

A result is a function of the models that ran the stages up to it. Attacks that differ in later
stages share it, so each file lies in one folder only: that of the attack it is *held* by.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from mirage.attacks.declaration import AttackKind, AttackStage
from mirage.attacks.kinds import KINDS
from mirage.errors import MirageError
from mirage.study import chunks as chunking
from mirage.study.cells import Attack
from mirage.study.measuring import view_file
from mirage.study.study import Study
from mirage.visible import listed


@dataclass(frozen=True)
class Stages:
    """The stages of one attack of a study."""

    study: Study
    attack: Attack

    @cached_property
    def settings(self) -> Mapping[str, Any]:
        """All settings of the attack."""
        return self.study.attack(self.attack)

    @cached_property
    def kind(self) -> AttackKind:
        """What the attack declares.

        Raises:
            MirageError: a stage that it has not is swapped.
        """
        kind = KINDS[self.settings["kind"]]
        roles = [stage.role for stage in kind.stages]
        for role in self.attack.runs:
            if role not in roles:
                raise MirageError(f"{self.attack} has no stage {role!r}", f"one of {listed(roles)}")
        return kind

    @cached_property
    def classes(self) -> list[int]:
        """The attacked classes, rising."""
        dataset = self.study.dataset(self.attack.target.dataset)
        chosen = self.settings.get("classes", "all")
        return chunking.attacked(chosen, dataset["classes"], dataset.get("groups", {}))

    @property
    def images(self) -> int:
        """Results of all classes together."""
        return len(self.classes) * self.kind.images_per_class(self.settings)

    @cached_property
    def chunks(self) -> list[str]:
        """Names of the chunks the classes are cut into; none if the study cuts nothing."""
        if self.study.classes_per_chunk is None:
            return []
        together = math.lcm(
            *(stage.classes_together(self.settings[stage.settings]) for stage in self.kind.stages)
        )
        return chunking.chunks(self.classes, self.study.classes_per_chunk, together)

    def holder(self, stage: AttackStage) -> Attack:
        """The attack in whose folder the stage's result lies."""
        roles = [s.role for s in self.kind.stages[: self.kind.stages.index(stage) + 1]]
        runners = {self.attack.runner(role) for role in roles}
        if len(runners) == 1:  # the unswapped attack on that model has the same stages so far
            return Attack(runners.pop(), self.attack.name)
        swaps = tuple(swap for swap in self.attack.swaps if swap.name in roles)
        return replace(self.attack, swaps=swaps)

    def result(self, stage: AttackStage) -> str:
        """Path of the stage's whole result."""
        return f"{self.holder(stage).path}/{stage.result}.safetensors"

    @property
    def outcome(self) -> str:
        """Path of what the attack ends with."""
        return self.result(self.kind.stages[-1])

    def parts(self, stage: AttackStage) -> list[str]:
        """Names of the jobs of a stage: ``optimised/0-33``, or ``candidates`` if it is not cut."""
        chunks = self.chunks if stage.cut else []
        return [f"{stage.result}/{chunk}" for chunk in chunks] or [stage.result]

    def files(self, stage: AttackStage) -> list[str]:
        """Paths of what these jobs leave, in the order of the classes."""
        return [f"{self.holder(stage).path}/{part}.safetensors" for part in self.parts(stage)]

    def part(self, name: str) -> tuple[AttackStage, list[int]]:
        """The stage and the classes of one job.

        Raises:
            MirageError: the attack has no such stage or chunk, or another attack holds its results.
        """
        result, _, chunk = name.partition("/")
        stage = self.held(result)
        if name not in self.parts(stage):
            known = listed(self.chunks) if self.chunks else f"{result} as a whole"
            raise MirageError(
                f"{chunk or 'all classes together'} is no chunk of the classes of "
                f"{self.attack.path}",
                f"one of {known} (classes_per_chunk)",
            )
        return stage, chunking.classes_of(chunk, self.classes) if chunk else self.classes

    def held(self, result: str) -> AttackStage:
        """The stage of a result that lies in the attack's own folder.

        Raises:
            MirageError: the attack has no such stage, or another attack holds its result.
        """
        stage = self.kind.stage(result)
        if self.holder(stage) != self.attack:
            raise MirageError(
                f"{self.attack.path} shares its {result} with another attack", self.result(stage)
            )
        return stage

    def inputs(self, name: str, generator: str) -> dict[str, str]:
        """Files that one job (see ``parts``) reads, by what they are.

        ``generator`` is the path of that of the attack's prior.
        """
        stage, _ = self.part(name)
        runner, settings = self.attack.runner(stage.role), self.settings[stage.settings]
        settings = {**self.settings, **settings}
        places: dict[str, Callable[[], str]] = {
            "weights": lambda: f"{runner.path}/weights.safetensors",
            "before": lambda: self._before(stage, name.removeprefix(stage.result)),
            "generator": lambda: generator,
            "discriminator": lambda: generator.replace("generator", "discriminator"),
            "pool": lambda: self.study.pool_file(self.attack),
            "public": self._public,
            "students": lambda: f"{runner.path}/students/{settings['students']}.safetensors",
        }
        return {name: places[name]() for name in stage.inputs(settings)}

    def _before(self, stage: AttackStage, chunk: str) -> str:
        """Path of what the stage before left, of the same chunk if both are cut."""
        before = self.kind.before(stage)
        if before is None:
            raise MirageError(f"{stage.role} is the first stage of {self.attack}, with none before")
        left = f"{before.result}{chunk}" if before.cut and stage.cut else before.result
        return f"{self.holder(before).path}/{left}.safetensors"

    def _public(self) -> str:
        """Path of the public images that the attack's prior was trained on."""
        name = self.study.prior_of(self.attack)
        source = self.study.prior(name)["source"]
        if "view" not in source:
            raise MirageError(f"the prior {name} was trained by others, on images unknown here")
        return view_file(source["dataset"], source["view"])
