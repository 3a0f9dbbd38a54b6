"""Recipes: the settings of one piece of work, checked where they are made.

A recipe is a frozen dataclass. ``Recipe.of`` makes it from the mapping that stands in the
configuration, and each recipe states in ``__post_init__`` what its values must be. Those that
several rooms share stand here.
"""

import dataclasses
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, Self, TypeAlias, TypeVar

from mirage.errors import MirageError
from mirage.visible import listed

Built = TypeVar("Built")

Precision: TypeAlias = Literal["fp32", "tf32", "bf16"]

Sharing: TypeAlias = Literal["shared", "per_image"]
"""``shared``: one crop for a whole batch, as the official code; ``per_image``: corrected."""


class Recipe:
    """Base of the frozen dataclasses that hold settings."""

    @classmethod
    def of(cls, values: Mapping[str, Any]) -> Self:
        """Make the recipe from its mapping in the configuration; see ``build``."""
        return build(cls, values)


def build(recipe: type[Built], values: Mapping[str, Any]) -> Built:
    """Make a recipe from a mapping.

    Lists become tuples, whole numbers are taken where a float is wanted, and nested recipes are
    built from nested mappings.

    Args:
        recipe: a dataclass whose fields have plain annotations (numbers, strings, booleans,
            tuples, ``X | None``, other recipes).
        values: field name -> value.

    Raises:
        MirageError: an unknown key, a missing key, or a value of the wrong kind.
    """
    hints = typing.get_type_hints(recipe)
    fields = {field.name: field for field in dataclasses.fields(recipe)}  # type: ignore[arg-type]
    name = recipe.__name__
    unknown = sorted(set(values) - set(fields))
    if unknown:
        raise MirageError(
            f"{name} has no setting {listed(map(repr, unknown))}",
            f"only {listed(fields)}",
            "correct the spelling or remove it",
        )
    missing = [key for key, field in fields.items() if key not in values and _is_required(field)]
    if missing:
        raise MirageError(f"{name} lacks {listed(map(repr, missing))}", remedy="add it")
    return recipe(**{key: _cast(hints[key], values[key], f"{name}.{key}") for key in values})


def require(holds: bool, setting: str, value: object, expected: str) -> None:
    """Refuse an impossible value.

    Raises:
        MirageError: ``holds`` is false; the text names setting, value and expectation.
    """
    if not holds:
        raise MirageError(f"{setting} is {value!r}", expected, "correct it in the configuration")


@dataclass(frozen=True)
class OptimiserRecipe(Recipe):
    """Which optimiser, and its numbers.

    Attributes:
        name: ``adam`` or ``sgd``.
        lr: learning rate before any schedule, positive.
        betas: Adam's decay rates, each in [0, 1).
        momentum: SGD's momentum, in [0, 1).
        weight_decay: l2 penalty added to the gradient, not negative.
    """

    name: Literal["adam", "sgd"]
    lr: float
    betas: tuple[float, float] = (0.9, 0.999)
    momentum: float = 0.0
    weight_decay: float = 0.0

    def __post_init__(self) -> None:
        require(self.lr > 0, "lr", self.lr, "a positive learning rate")
        require(all(0 <= b < 1 for b in self.betas), "betas", self.betas, "two values in [0, 1)")
        require(0 <= self.momentum < 1, "momentum", self.momentum, "a value in [0, 1)")
        require(self.weight_decay >= 0, "weight_decay", self.weight_decay, "zero or more")


def check_crop(scale: tuple[float, float], ratio: tuple[float, float]) -> None:
    """Refuse impossible bounds of a random crop.

    Raises:
        MirageError: bounds out of order or out of range.
    """
    require(0 < scale[0] <= scale[1] <= 1, "crop_scale", scale, "rising bounds within (0, 1]")
    require(0 < ratio[0] <= ratio[1], "crop_ratio", ratio, "rising positive bounds")


def _is_required(field: "dataclasses.Field[Any]") -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def _cast(hint: Any, value: Any, where: str) -> Any:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        if value is None and type(None) in arguments:
            return None
        inner = [argument for argument in arguments if argument is not type(None)]
        return _cast(inner[0] if len(inner) == 1 else Any, value, where)
    if hint is Any or origin is typing.Literal:
        options = arguments if origin is typing.Literal else (value,)
        require(value in options, where, value, f"one of {listed(options)}")
        return value
    if origin is tuple:
        require(isinstance(value, list | tuple), where, value, "a list")
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        require(len(kinds) == len(value), where, value, f"{len(kinds)} values")
        return tuple(_cast(kind, item, where) for kind, item in zip(kinds, value, strict=True))
    if dataclasses.is_dataclass(hint):
        require(isinstance(value, Mapping), where, value, "a mapping")
        return build(hint, value)  # type: ignore[arg-type]
    if hint is float and isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    wrong_bool = isinstance(value, bool) and hint is not bool
    require(
        isinstance(value, hint) and not wrong_bool, where, value, f"a value of type {hint.__name__}"
    )
    return value
