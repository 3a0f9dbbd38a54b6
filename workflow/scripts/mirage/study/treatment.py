"""Treatments: what a target's training does, as parts joined by ``+``."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from mirage.building import build
from mirage.errors import MirageError
from mirage.study.grammar import Part, parse_part
from mirage.targets.hooks import STAGES
from mirage.targets.parts import TreatmentPart
from mirage.targets.treatments import PARTS
from mirage.visible import listed

Chosen = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, order=True)
class Treatment:
    """What a target's training does: parts in the order of their places, each kind once."""

    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        places = [_kind(part).place for part in self.parts]
        if sorted(set(places)) != places:
            order = sorted(PARTS, key=lambda name: PARTS[name].place)
            raise MirageError(
                f"{str(self)!r} is no treatment",
                f"each part once, in this order: {', '.join(order)}",
            )
        for part in self.parts:
            _made(part)
            rest = tuple(other for other in self.parts if other != part)
            if part.other is not None and _trained(rest) == _trained((part.other,)):
                raise MirageError(
                    f"{str(self)!r} refers to itself: the cell after {part.name}@ is this "
                    f"training without {part}",
                    f"the treatment of another cell after {part.name}@, such as "
                    f"ls0.1+{part.name}@ls-0.05",
                )

    @classmethod
    def parse(cls, text: str) -> "Treatment":
        """Read a treatment back; the inverse of ``str``.

        Raises:
            MirageError: names the part that is none.
        """
        parts = []
        for spelled in text.split("+"):
            part = parse_part(spelled)
            if part is None:
                raise _no_part(spelled)
            parts.append(part)
        return cls(tuple(parts))

    @classmethod
    def smoothing(cls, alpha: float) -> "Treatment":
        """Label smoothing alone."""
        return cls((Part("ls", (float(alpha),)),))

    @property
    def alpha(self) -> float | None:
        """Smoothing factor, at most 1; None for what is not label smoothing alone."""
        alone = [part.name for part in self.parts] == ["ls"]
        return self.parts[0].numbers[0] if alone else None

    @property
    def siblings(self) -> tuple["Treatment", ...]:
        """Treatments of the cells, otherwise the same, whose metrics the training needs."""
        return tuple(Treatment((part.other,)) for part in self.parts if part.other)

    @property
    def watches_test(self) -> bool:
        """Whether test images decide something in the training."""
        return any(_kind(part).watches_test for part in self.parts)

    def require_stages(self, architecture: str) -> None:
        """Refuse an architecture without the activations that it, or a sibling, looks at.

        Raises:
            MirageError: names them.
        """
        have = STAGES.get(architecture, {})
        for part in self.parts:
            kind = _kind(part)
            missing = [name for name in kind.hidden if name not in (*have, *kind.adds)]
            if missing:
                known = listed(name for name in STAGES if set(kind.hidden) <= set(STAGES[name]))
                raise MirageError(
                    f"{part} looks at hidden activations that {architecture} does not name: "
                    f"{listed(missing)}",
                    f"one of {known}",
                )
        for sibling in self.siblings:
            sibling.require_stages(architecture)

    def settings(self, chosen: Chosen) -> list[dict[str, Any]]:
        """Settings of each part, as ``mirage.targets.treatments.make`` takes them.

        ``chosen`` has those of the configuration that do not stand in a part's name.
        """
        return [{"part": p.name, **chosen.get(p.name, {}), **_named(p)} for p in self.parts]

    def __str__(self) -> str:
        """As it stands in a path: ``ls-0.05``."""
        return "+".join(map(str, self.parts))


def _trained(parts: tuple[Part, ...]) -> tuple[Part, ...]:
    """Parts that make a difference: hard labels are what there is without any."""
    return tuple(part for part in parts if part != Part("ls", (0.0,)))


@cache
def _kind(part: Part) -> type[TreatmentPart]:
    """What a part is; refuses one that is none."""
    kind = PARTS.get(part.name)
    if kind is None or len(kind.numbers) != len(part.numbers):
        raise _no_part(str(part))
    if bool(kind.sibling) != (part.other is not None):
        raise _no_part(str(part))
    return kind


@cache
def _made(part: Part) -> TreatmentPart:
    """Make a part of what its name says: it refuses impossible values."""
    if part.other is not None:
        Treatment((part.other,))
    return build(_kind(part), _named(part), str(part))


def _named(part: Part) -> dict[str, Any]:
    """What a part's name says of its settings."""
    kind = _kind(part)
    named: dict[str, Any] = dict(zip(kind.numbers, part.numbers, strict=True))
    return {**named, kind.sibling: str(part.other)} if kind.sibling else named


def _no_part(text: str) -> MirageError:
    return MirageError(
        f"{text!r} is no part of a treatment",
        f"one of {listed(map(_shown, PARTS))}, numbers in their shortest form, for example ls-0.05",
    )


def _shown(name: str) -> str:
    """How a part is spelled, in words: ``lsALPHA``, ``stop@TREATMENT``."""
    kind = PARTS[name]
    numbers = "_".join(number.upper() for number in kind.numbers)
    return name + numbers + ("@TREATMENT" if kind.sibling else "")
