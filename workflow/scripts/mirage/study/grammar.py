"""The grammar of names: words, numbers, and parts such as ``ls-0.05`` or ``stop@ls0``.

A treatment is parts joined by ``+``, and so is what follows the name of an attack's settings. A
part is a name with its numbers (parted by ``_``; ``-`` is only a sign), or a role that another cell
plays, the one with the treatment after ``@``. Nothing in a name means anything to a shell.
"""

import math
import re
from dataclasses import dataclass
from decimal import Decimal

from mirage.errors import MirageError

WORD = r"[a-z0-9]+(?:[-_.][a-z0-9]+)*"
"""A name in a path: lower-case words, digits, single separators; nothing a shell would read."""
NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
NUMBERED = rf"[a-z]+(?:{NUMBER}(?:_{NUMBER})*)?"
PART = rf"{NUMBERED}(?:@{NUMBERED})?"
TREATMENT = rf"{PART}(?:\+{PART})*"
SWAPS = rf"(?:\+[a-z]+@{NUMBERED})*"
"""Who runs the stages of an attack: nobody else, or ``+sample@ls0.1``."""
SAMPLES = r"all|n[1-9][0-9]*"
SEED = r"0|[1-9][0-9]*"
CHUNK = r"[0-9]+-[0-9]+"
DRAW = rf"{WORD}(?:/s(?:{SEED}))?"
"""What is drawn once for all cells (``orl-1000``), or anew for each seed (``orl-1000/s1``)."""
TARGET = rf"{WORD}/{WORD}/{TREATMENT}/(?:{SAMPLES})/s(?:{SEED})"
ATTACK = rf"{WORD}{SWAPS}"

_PART = re.compile(
    rf"(?P<name>[a-z]+)(?P<numbers>(?:{NUMBER}(?:_{NUMBER})*)?)(?:@(?P<other>{NUMBERED}))?"
)


@dataclass(frozen=True, order=True)
class Part:
    """One part of a treatment, or one swap of an attack.

    Attributes:
        name: what it is (``ls``, ``stop``), or the role of another cell (``sample``).
        numbers: its numbers, in order.
        other: treatment of the cell it refers to, which is the same in all else.
    """

    name: str
    numbers: tuple[float, ...] = ()
    other: "Part | None" = None

    def __str__(self) -> str:
        numbers = "_".join(map(number, self.numbers))
        return f"{self.name}{numbers}" + (f"@{self.other}" if self.other else "")


def parse_part(text: str) -> Part | None:
    """Read a part back; None if it is none, or one in another spelling (``ls0.10``)."""
    found = _PART.fullmatch(text)
    if found is None:
        return None
    numbers = tuple(map(float, found["numbers"].split("_"))) if found["numbers"] else ()
    part = Part(found["name"], numbers, parse_part(found["other"]) if found["other"] else None)
    return part if str(part) == text else None


def number(value: float) -> str:
    """Write a number with the fewest digits that read back as the same value, no exponent.

    Raises:
        MirageError: the value is not finite.
    """
    if not math.isfinite(value):
        raise MirageError(f"{value!r} cannot stand in a path", "a finite number")
    text = format(Decimal(repr(float(value))), "f")
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text in ("-0", "0") else text
