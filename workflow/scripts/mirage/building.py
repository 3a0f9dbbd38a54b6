"""Typed values made from mappings: every key known, every value of its kind.

What is wrong is told with its place, ``scales.demo.attacks.ppa``, and with the name that was
probably meant.
"""

import dataclasses
import difflib
import reprlib
import types
import typing
from collections.abc import Iterable, Mapping
from functools import cache
from typing import Any, TypeVar

from mirage.errors import MirageError
from mirage.marks import MadeBy, Mark, PartOf
from mirage.visible import listed

Built = TypeVar("Built")
Field = dataclasses.Field[Any]

_PLAIN = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}
_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = 100


def build(recipe: type[Built], values: Mapping[str, Any], place: str | None = None) -> Built:
    """Make a dataclass from a mapping, each field as its annotation says (``cast``).

    Args:
        recipe: the dataclass.
        values: name -> value of the fields that its ``__init__`` takes.
        place: of the mapping, for messages; the recipe's name without one.

    Raises:
        MirageError: an unknown key, a missing key, a value of the wrong kind or an impossible one.
    """
    where = recipe.__name__ if place is None else place
    fields = settings(recipe)
    _refuse_unknown(values, fields, where)
    missing = [key for key, field in fields.items() if key not in values and is_required(field)]
    if missing:
        raise MirageError(f"{_named(where)} lacks {listed(map(repr, missing))}", remedy="add it")
    kinds = hints(recipe)
    made = {key: cast(kinds[key], value, joined(where, key)) for key, value in values.items()}
    try:
        return recipe(**made)
    except MirageError as error:
        raise MirageError(f"{where}: {error}" if where else str(error)) from error


def cast(hint: Any, value: Any, place: str) -> Any:
    """Make what an annotation says of a value from the configuration.

    Lists become tuples, mappings dataclasses, and whole numbers are taken for a float.

    Args:
        hint: a plain type, ``Literal``, tuple, ``Mapping``, dataclass, union of these, or one of
            them ``Annotated`` with marks; ``Any`` may be anything.
        value: the value.
        place: of it, for messages.

    Raises:
        MirageError: it is nothing of the kind.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _marked(arguments[0], arguments[1:], value, place)
    if is_union(origin):
        return _one_of(arguments, value, place)
    if dataclasses.is_dataclass(hint) and isinstance(value, Mapping):
        return build(typing.cast("type", hint), value, place)
    if origin is tuple and isinstance(value, list | tuple):
        kinds = [arguments[0]] * len(value) if arguments[-1] is Ellipsis else arguments
        if len(kinds) == len(value):
            pairs = enumerate(zip(kinds, value, strict=True))
            return tuple(cast(kind, item, f"{place}[{index}]") for index, (kind, item) in pairs)
    if origin is Mapping and isinstance(value, Mapping):
        return {
            cast(arguments[0], key, f"{place}: the name"): cast(arguments[1], v, joined(place, key))
            for key, v in value.items()
        }
    truth = isinstance(value, bool)  # which Python takes for a number
    if origin is typing.Literal and value in arguments and not truth:
        return value
    if hint is float and isinstance(value, int) and not truth:
        return float(value)
    if hint in _PLAIN and isinstance(value, hint) and truth == (hint is bool):
        return value
    if hint is Any:
        return value
    raise _wrong(place, value, hint)


def settings(recipe: type) -> dict[str, Field]:
    """Fields that a mapping may set: those that the recipe's ``__init__`` takes."""
    return {field.name: field for field in dataclasses.fields(recipe) if field.init}


def hints(recipe: Any) -> dict[str, Any]:
    """What each field of a dataclass may be, with its marks."""
    return _hints(recipe)


@cache
def _hints(recipe: Any) -> dict[str, Any]:
    return typing.get_type_hints(recipe, include_extras=True)


def is_required(field: Field) -> bool:
    """Whether a field has no default."""
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing


def is_union(origin: Any) -> bool:
    """Whether an annotation of that origin names several types."""
    return origin in (typing.Union, types.UnionType)


def node(hint: Any) -> type:
    """``Mapping``, ``tuple`` or ``object``: as what an annotation stands in YAML."""
    origin = typing.get_origin(hint)
    if origin is typing.Annotated:
        inner, *marks = typing.get_args(hint)
        return Mapping if any(isinstance(mark, MadeBy) for mark in marks) else node(inner)
    if dataclasses.is_dataclass(hint) or origin is Mapping:
        return Mapping
    return tuple if origin is tuple else object


def node_of(value: Any) -> type:
    """The same of a value."""
    if isinstance(value, Mapping):
        return Mapping
    return tuple if isinstance(value, list | tuple) else object


def joined(place: str, key: object) -> str:
    """Place of an entry."""
    return f"{place}.{key}" if place else str(key)


def meant(name: object, known: Iterable[object]) -> str:
    """``did you mean 'steps'?``, or nothing where no known name is close."""
    close = difflib.get_close_matches(str(name), list(map(str, known)), n=1)
    return f"did you mean {close[0]!r}?" if close else ""


def _named(place: str) -> str:
    return place or "the top level"


def _refuse_unknown(values: Mapping[str, Any], known: Mapping[str, Any], place: str) -> None:
    for key in values:
        if key not in known:
            remedy = meant(key, known) or "remove it"
            raise MirageError(
                f"{_named(place)} has no key {key!r}", f"only {listed(known, 30)}", remedy
            )


def _wrong(place: str, value: object, *allowed: Any) -> MirageError:
    literals = [hint for hint in allowed if typing.get_origin(hint) is typing.Literal]
    options = [o for hint in literals for o in typing.get_args(hint) if isinstance(o, str)]
    remedy = meant(value, options) or "correct it in the configuration"
    expected = " or ".join(map(_described, allowed))
    return MirageError(f"{place} is {_SHORT.repr(value)}", expected, remedy)


def _described(hint: Any) -> str:
    """What an annotation allows, in words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        told = [mark.expected for mark in arguments[1:] if isinstance(mark, Mark)]
        return " ".join([_described(arguments[0]), *told])
    if is_union(origin):
        return " or ".join(map(_described, arguments))
    if origin is typing.Literal:
        return f"one of {listed(arguments)}" if len(arguments) > 1 else repr(arguments[0])
    if origin is tuple:
        return "a list" if arguments[-1] is Ellipsis else f"a list of {len(arguments)} values"
    return "null" if hint is type(None) else _PLAIN.get(hint, "a mapping")


def _marked(hint: Any, marks: tuple[Any, ...], value: Any, place: str) -> Any:
    for mark in marks:
        if isinstance(mark, PartOf):
            return _part(mark.recipe, value, place)
        if isinstance(mark, MadeBy):
            hint = mark.recipe
    made = cast(hint, value, place)
    for mark in marks:
        if isinstance(mark, Mark) and not mark.holds(made):
            raise _wrong(place, value, typing.Annotated[hint, mark])
    return made


def _part(recipe: type, values: Any, place: str) -> dict[str, Any]:
    """Hold some settings of a recipe to their kinds; nothing is made, since others are missing."""
    if not isinstance(values, Mapping):
        raise _wrong(place, values, recipe)
    _refuse_unknown(values, settings(recipe), place)
    kinds = hints(recipe)
    return {
        key: (_part if dataclasses.is_dataclass(kinds[key]) else cast)(
            kinds[key], value, joined(place, key)
        )
        for key, value in values.items()
    }


def _one_of(hint_of: tuple[Any, ...], value: Any, place: str) -> Any:
    """Make the one alternative that the value can be."""
    if value is None and type(None) in hint_of:
        return None
    others = [hint for hint in hint_of if hint is not type(None)]
    recipes = [hint for hint in others if dataclasses.is_dataclass(hint)]
    if len(recipes) > 1 and isinstance(value, Mapping):
        return cast(_tagged(recipes, value, place), value, place)
    fitting = [hint for hint in others if node(hint) == node_of(value)]
    if len(fitting) == 1:
        return cast(fitting[0], value, place)
    for hint in fitting:
        try:
            return cast(hint, value, place)
        except MirageError:
            continue
    raise _wrong(place, value, *others)


def _tagged(recipes: list[Any], value: Mapping[str, Any], place: str) -> Any:
    """The recipe whose ``kind``, a field of one literal, is the mapping's; a default, if none."""
    by_kind = {typing.get_args(hints(recipe)["kind"])[0]: recipe for recipe in recipes}
    unnamed = [recipe for recipe in recipes if not is_required(settings(recipe)["kind"])]
    if "kind" not in value and unnamed:
        return unnamed[0]
    if "kind" not in value:
        raise MirageError(f"{place} lacks 'kind'", f"one of {listed(by_kind)}", "add it")
    kind = value["kind"]
    if kind not in list(by_kind):
        raise _wrong(joined(place, "kind"), kind, typing.Literal[tuple(by_kind)])
    return by_kind[kind]
