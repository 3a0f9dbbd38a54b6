"""Marks beside types: what a type alone does not say of a setting.

``Annotated[int, bounded(least=1)]``: ``building`` holds values to it, and ``study.schema`` writes
it down for editors.
"""

import operator
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeAlias, TypeVar

from mirage.visible import listed

Value = TypeVar("Value")


@dataclass(frozen=True, eq=False)
class Mark:
    """What a value must be besides its type.

    Attributes:
        expected: it, in words.
        holds: whether a value of the right type is one.
        schema: it, in JSON Schema.
    """

    expected: str
    holds: Callable[[Any], bool]
    schema: Mapping[str, Any]


@dataclass(frozen=True)
class In:
    """The name of an entry of another section of the same scale, in which it must stand."""

    section: str


@dataclass(frozen=True)
class PartOf:
    """Some settings of a dataclass, made later of these and others together."""

    recipe: type


@dataclass(frozen=True)
class MadeBy:
    """Settings of a dataclass that no annotation can name, since a registry decides its fields.

    Or of one of several, which their ``kind`` tells apart.
    """

    recipe: Any


def bounded(
    least: float | None = None,
    above: float | None = None,
    most: float | None = None,
    below: float | None = None,
) -> Mark:
    """Numbers between bounds; ``above`` and ``below`` are none of them."""
    bounds = (
        ("at least", "minimum", operator.ge, least),
        ("above", "exclusiveMinimum", operator.gt, above),
        ("at most", "maximum", operator.le, most),
        ("below", "exclusiveMaximum", operator.lt, below),
    )
    given = [(w, key, holds, bound) for w, key, holds, bound in bounds if bound is not None]
    return Mark(
        " and ".join(f"{words} {bound:g}" for words, _, _, bound in given),
        lambda value: all(holds(value, bound) for _, _, holds, bound in given),
        {key: bound for _, key, _, bound in given},
    )


def spelled(pattern: str, expected: str) -> Mark:
    """Text all of which matches a pattern."""
    return Mark(
        expected,
        lambda value: re.fullmatch(pattern, value) is not None,
        {"pattern": rf"^(?:{pattern})$(?!\n)"},  # `$` alone would let a line break follow
    )


def entry(registry: Collection[str]) -> Mark:
    """The name of an entry of a registry."""
    return Mark(
        f"that is one of {listed(registry)}",
        lambda name: name in registry,
        {"enum": list(registry)},
    )


def several(least: int = 1) -> Mark:
    """A list of different values, so many at least."""
    return Mark(
        f"of {least} or more different values" if least else "of different values",
        lambda values: len(values) >= least and len(set(values)) == len(values),
        {"minItems": least, "uniqueItems": True},
    )


FILLED = Mark("with an entry at least", lambda entries: len(entries) > 0, {"minProperties": 1})
NOT_NULL = Mark("(which is to leave it out)", lambda value: value is not None, {})
"""Of what may be left out and has None as its default."""
Omissible: TypeAlias = Annotated[Value | None, NOT_NULL]
"""What may be left out, and then is None, but may not be null in the configuration."""

Label: TypeAlias = Annotated[str, Mark("some text", lambda text: text != "", {"minLength": 1})]
Count: TypeAlias = Annotated[int, bounded(least=1)]
Natural: TypeAlias = Annotated[int, bounded(least=0)]
Positive: TypeAlias = Annotated[float, bounded(above=0)]
Share: TypeAlias = Annotated[float, bounded(least=0, most=1)]
Seed: TypeAlias = Annotated[int, bounded(least=0, most=2**31 - 1)]
DrawnSeed: TypeAlias = Seed | Literal["cell"]
"""Of what all cells share; or ``cell``, then each draws its own with its own seed."""
Samples: TypeAlias = Count | Literal["all"]
"""Training images per class."""
