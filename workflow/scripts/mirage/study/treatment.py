"""Treatments: what a target's training does, as parts joined by ``+``."""

from dataclasses import dataclass

from mirage.errors import MirageError
from mirage.recipes import require
from mirage.study.grammar import Part, parse_part
from mirage.visible import listed

PARTS = {"ls": 1}
"""Parts there are, and how many numbers each has."""


@dataclass(frozen=True, order=True)
class Treatment:
    """What a target's training does.

    Attributes:
        parts: in the order in which they are named.
    """

    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        for part in self.parts:
            if PARTS.get(part.name) != len(part.numbers) or part.other is not None:
                raise _no_part(str(part))
        require(self.alpha <= 1, "alpha", self.alpha, "a smoothing factor of at most 1")

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
    def alpha(self) -> float:
        """Smoothing factor, at most 1."""
        return next((part.numbers[0] for part in self.parts if part.name == "ls"), 0.0)

    def __str__(self) -> str:
        """As it stands in a path: ``ls-0.05``."""
        return "+".join(map(str, self.parts))


def _no_part(text: str) -> MirageError:
    return MirageError(
        f"{text!r} is no part of a treatment",
        f"one of {listed(PARTS)} with its number in its shortest form, for example ls-0.05",
    )
