"""Cells: every target and every attack of the study as a row of a typed table.

A cell's path is its identity and can be typed by hand::

    targets/facescrub/resnet152/ls-0.05/all/s42
    attacks/facescrub/resnet152/ls-0.05/all/s42/ppa
    attacks/facescrub/resnet152/ls0/all/s42/ppa+select@ls-0.05

``parse`` reads a path back; ``parse(cell.path) == cell`` for every cell.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

from mirage.errors import MirageError
from mirage.study import grammar
from mirage.study.grammar import Part, parse_part
from mirage.study.treatment import Treatment
from mirage.targets.treatments import PARTS
from mirage.visible import listed

ROLES = ("sample", "select")
"""Stages of an attack that another model may run, in their order.

Not ``optimise``: the cell is the model whose people the optimisation looks for, so an attack with
another optimiser is another cell.
"""


@dataclass(frozen=True, order=True)
class Target:
    """One trained classifier.

    Attributes:
        dataset: the data set it is trained on.
        architecture: name in the registry.
        treatment: what its training does.
        samples: training images per class; None for all.
        seed: of initialisation, data order and augmentation.
    """

    dataset: str
    architecture: str
    treatment: Treatment
    samples: int | None
    seed: int

    @classmethod
    def parse(cls, cell: str) -> "Target":
        """Read a cell back; the inverse of ``cell``.

        Raises:
            MirageError: it is none, or one in another spelling (``ls0.10``).
        """
        if not re.fullmatch(grammar.TARGET, cell):
            raise _no_cell(f"targets/{cell}")
        dataset, architecture, treatment, samples, seed = cell.split("/")
        per_class = None if samples == "all" else int(samples.removeprefix("n"))
        own = int(seed.removeprefix("s"))
        return cls(dataset, architecture, Treatment.parse(treatment), per_class, own)

    @property
    def siblings(self) -> "tuple[Target, ...]":
        """The cells whose metrics its treatment needs, the same in all else."""
        return tuple(replace(self, treatment=other) for other in self.treatment.siblings)

    @property
    def cell(self) -> str:
        """The identity without the stage: ``facescrub/resnet152/ls-0.05/all/s42``."""
        samples = "all" if self.samples is None else f"n{self.samples}"
        return f"{self.dataset}/{self.architecture}/{self.treatment}/{samples}/s{self.seed}"

    @property
    def path(self) -> str:
        """Folder of the cell's results."""
        return f"targets/{self.cell}"


@dataclass(frozen=True, order=True)
class Attack:
    """One attack on one target.

    Attributes:
        target: the attacked classifier.
        name: of the attack's settings in the configuration.
        swaps: who else runs a stage: the stage, and the treatment of that sibling of the target.
    """

    target: Target
    name: str
    swaps: tuple[Part, ...] = ()

    @classmethod
    def parse(cls, target: Target, text: str) -> "Attack":
        """Read the name of an attack back; the inverse of ``str``.

        Raises:
            MirageError: it is none, or one in another spelling (stages in another order, or
                swapped for the target itself), or what stands in for the target is no sibling.
        """
        name, *spelled = text.split("+")
        for swap in spelled:
            _require_sibling(f"attacks/{target.cell}/{text}", swap)
        swaps = tuple(filter(None, map(parse_part, spelled)))
        cell = cls(target, name, swaps)
        roles = [part.name for part in swaps]
        if "optimise" in roles:
            raise MirageError(
                f"attacks/{target.cell}/{text}: the cell of an attack is the model it optimises on",
                "the cell of the model named after optimise@",
                "ask for that one, with +sample@ and +select@ for the stages this model runs",
            )
        for role in roles:
            if role not in ROLES:
                raise MirageError(
                    f"attacks/{target.cell}/{text}: {role!r} is no stage that others can run",
                    f"one of {listed(ROLES)}",
                )
        in_order = roles == [role for role in ROLES if role in roles]
        sound = re.fullmatch(grammar.ATTACK, text) and str(cell) == text
        if not (sound and in_order):
            raise _no_cell(f"attacks/{target.cell}/{text}")
        if target.treatment in cell.runs.values():
            raise MirageError(
                f"attacks/{target.cell}/{text} names no cell: after @ stands the target itself",
                "another treatment there, or no such swap",
            )
        return cell

    @property
    def runs(self) -> dict[str, Treatment]:
        """Stage -> treatment of the model that runs it, where that is not the target."""
        return {part.name: Treatment((part.other,)) for part in self.swaps if part.other}

    def runner(self, role: str) -> Target:
        """The model that runs a stage: the target, or the sibling that stands in for it."""
        other = self.runs.get(role)
        return self.target if other is None else replace(self.target, treatment=other)

    def __str__(self) -> str:
        """As it stands in a path: ``ppa``, ``ppa+select@ls-0.05``."""
        return "+".join([self.name, *map(str, self.swaps)])

    @property
    def path(self) -> str:
        """Folder of the cell's results."""
        return f"attacks/{self.target.cell}/{self}"


def parse(path: str) -> Target | Attack:
    """Read a cell's folder back.

    Raises:
        MirageError: the path is no cell, or is one in another spelling (``ls0.10``).
    """
    kind, _, cell = path.partition("/")
    if kind == "targets":
        return Target.parse(cell)
    if kind == "attacks":
        inner, _, attack = cell.rpartition("/")
        return Attack.parse(Target.parse(inner), attack)
    raise _no_cell(path)


def unreadable(path: str) -> MirageError | None:
    """What is wrong with the treatment, or with a swap, of a path that no rule makes.

    None where it is neither: then something else of the path is misspelt.
    """
    kind, *names = path.split("/")
    placed = kind in ("targets", "attacks", "measures") and len(names) > 5
    if not (placed and re.fullmatch(grammar.SAMPLES, names[3])):
        return None
    try:
        Treatment.parse(names[2])
        if kind == "attacks" and "+" in names[5]:
            Attack.parse(Target.parse("/".join(names[:5])), names[5])
    except MirageError as problem:
        return problem
    return None


def _require_sibling(attack: str, swap: str) -> None:
    """Refuse to name anything but a treatment behind ``sample@``: all else is the target's."""
    role, names, other = swap.partition("@")
    part = parse_part(other)
    if names and (part is None or part.name not in PARTS):
        raise MirageError(
            f"{attack}: {other!r} after {role}@ is no treatment",
            "that of a sibling of the target, such as ls0.1, whose data set, architecture, images "
            "and seed are the target's, and which draws from the attack's own pool and prior",
            "for another pool or prior ask for an attack with these settings",
        )


def _no_cell(path: str) -> MirageError:
    return MirageError(
        f"{path!r} names no cell",
        "targets/DATASET/ARCHITECTURE/TREATMENT/all|nN/sSEED or attacks/…/ATTACK, "
        "for example targets/orl/resnet-mini/ls-0.05/all/s1",
    )


def select(cells: Iterable[Attack], **wanted: object) -> Iterator[Attack]:
    """Attacks whose fields (of the attack or its target) have the wanted values."""
    for cell in cells:
        have = {**vars(cell.target), "attack": str(cell)}
        if all(have[field] == value for field, value in wanted.items()):
            yield cell
