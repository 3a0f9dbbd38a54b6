"""Cells: every target and every attack of the study as a row of a typed table.

A cell's path is its identity and can be typed by hand::

    targets/facescrub/resnet152/ls-0.05/all/s42
    attacks/facescrub/resnet152/ls-0.05/all/s42/ppa

``parse`` reads a path back; ``parse(cell.path) == cell`` for every cell.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from mirage.errors import MirageError
from mirage.recipes import require

WORD = r"[a-z0-9]+(?:[-_.][a-z0-9]+)*"
"""A name in a path: lower-case words, digits, single separators; nothing a shell would read."""
TREATMENT = r"ls-?[0-9]+(?:\.[0-9]+)?"
SAMPLES = r"all|n[1-9][0-9]*"
SEED = r"0|[1-9][0-9]*"
CHUNK = r"[0-9]+-[0-9]+"
DRAW = rf"{WORD}(?:/s(?:{SEED}))?"
"""What is drawn once for all cells (``orl-1000``), or anew for each seed (``orl-1000/s1``)."""
PER_CELL = "cell"
"""In place of a seed in the configuration: drawn anew, with the seed of the cell that uses it."""

_TARGET = re.compile(
    rf"targets/(?P<dataset>{WORD})/(?P<architecture>{WORD})/(?P<treatment>{TREATMENT})"
    rf"/(?P<samples>{SAMPLES})/s(?P<seed>{SEED})"
)
_ATTACK = re.compile(rf"attacks/(?P<cell>.+)/(?P<attack>{WORD})")


@dataclass(frozen=True, order=True)
class Target:
    """One trained classifier.

    Attributes:
        dataset: the data set it is trained on.
        architecture: name in the registry of architectures.
        alpha: label-smoothing factor of any sign, at most 1.
        samples: training images per class; None for all.
        seed: seed of initialisation, data order and augmentation.
    """

    dataset: str
    architecture: str
    alpha: float
    samples: int | None
    seed: int

    def __post_init__(self) -> None:
        require(self.alpha <= 1, "alpha", self.alpha, "a smoothing factor of at most 1")

    @property
    def treatment(self) -> str:
        """What was done to the labels, as a path writes it: ``ls0.1``, ``ls0``, ``ls-0.05``."""
        return f"ls{number(self.alpha)}"

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
        attack: name of the attack's settings in the configuration.
    """

    target: Target
    attack: str

    @property
    def path(self) -> str:
        """Folder of the cell's results."""
        return f"attacks/{self.target.cell}/{self.attack}"


def parse(path: str) -> Target | Attack:
    """Read a cell's folder back.

    Raises:
        MirageError: the path is no cell, or is one in another spelling (``ls0.10``).
    """
    cell: Target | Attack | None = None
    if found := _TARGET.fullmatch(path):
        cell = _target(**found.groupdict())
    elif (found := _ATTACK.fullmatch(path)) and (
        inner := _TARGET.fullmatch(f"targets/{found['cell']}")
    ):
        cell = Attack(_target(**inner.groupdict()), found["attack"])
    if cell is None or cell.path != path:
        raise MirageError(
            f"{path!r} names no cell",
            "targets/DATASET/ARCHITECTURE/lsALPHA/all|nN/sSEED or attacks/…/ATTACK, "
            "for example targets/orl/resnet-mini/ls-0.05/all/s1",
        )
    return cell


def _target(dataset: str, architecture: str, treatment: str, samples: str, seed: str) -> Target:
    per_class = None if samples == "all" else int(samples[1:])
    return Target(dataset, architecture, float(treatment[2:]), per_class, int(seed))


def seed_of(setting: int | str, cell_seed: int) -> int:
    """The seed a setting means for a cell: its own number, or the cell's seed."""
    return cell_seed if setting == PER_CELL else int(setting)


def draw(name: str, seed: int | None) -> str:
    """Name one draw of a thing; without a seed the one that all cells share."""
    return name if seed is None else f"{name}/s{seed}"


def parse_draw(text: str) -> tuple[str, int | None]:
    """Read the name of a draw back: what is drawn, and the seed if it has one."""
    name, _, seed = text.partition("/s")
    return name, int(seed) if seed else None


def number(value: float) -> str:
    """Write a number with the fewest digits that read back as the same value, no exponent.

    Raises:
        MirageError: the value is not finite.
    """
    try:
        exact = Decimal(repr(float(value)))
        text = format(exact, "f")
    except (InvalidOperation, ValueError) as error:
        raise MirageError(f"{value!r} cannot stand in a path", "a finite number") from error
    if not exact.is_finite():
        raise MirageError(f"{value!r} cannot stand in a path", "a finite number")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "0") else text


def chunks(classes: int, per_chunk: int | None) -> list[str]:
    """Cut the classes into consecutive chunks, named by first and last class: ``0-33``.

    Args:
        classes: number of classes, attacked in ascending order.
        per_chunk: classes in a chunk; None for one chunk.
    """
    size = per_chunk or classes
    return [f"{first}-{min(first + size, classes) - 1}" for first in range(0, classes, size)]


def classes_of(chunk: str) -> range:
    """Classes of a chunk name."""
    first, last = map(int, chunk.split("-"))
    return range(first, last + 1)


def select(cells: Iterable[Attack], **wanted: object) -> Iterator[Attack]:
    """Attacks whose fields (of the attack or its target) have the wanted values."""
    for cell in cells:
        have = {**vars(cell.target), "attack": cell.attack}
        if all(have[field] == value for field, value in wanted.items()):
            yield cell
