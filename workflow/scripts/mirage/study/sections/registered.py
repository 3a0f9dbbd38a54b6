"""Sections whose keys are entries of a registry: a new entry's settings are known at once."""

from collections.abc import Mapping
from dataclasses import MISSING, field, make_dataclass
from types import MappingProxyType
from typing import Any

from mirage.building import hints
from mirage.recipes import Recipe

_NONE: Mapping[str, Any] = MappingProxyType({})


def with_entries(base: type[Recipe], kinds: Mapping[str, Any]) -> type[Recipe]:
    """A section with further keys of given types, which may be missing, and are None then."""
    entries = [(key, kind, field(default=None, kw_only=True)) for key, kind in kinds.items()]
    return _derived(base, base.__name__, entries)


def with_keys(
    base: type[Recipe], name: str, kinds: Mapping[str, Any], defaults: Mapping[str, Any] = _NONE
) -> type[Recipe]:
    """A section of another name with further keys, required but for those with a default."""
    entries = [
        (key, kind, field(default=defaults.get(key, MISSING), kw_only=True))
        for key, kind in kinds.items()
    ]
    return _derived(base, name, entries)


def without(recipe: type[Recipe], entered: Mapping[str, Any]) -> type[Recipe]:
    """A recipe less the fields that the study enters itself.

    ``entered`` has the values with which the others are tried, of those that the recipe has.
    """
    known = hints(recipe)
    taken = [(k, type(v), field(default=v, init=False)) for k, v in entered.items() if k in known]
    return _derived(recipe, f"{recipe.__name__}Section", taken)


def _derived(base: type[Recipe], name: str, entries: list[Any]) -> type[Recipe]:
    told = {"__doc__": base.__doc__, "__module__": __name__}
    return make_dataclass(name, entries, bases=(base,), namespace=told, frozen=True)
