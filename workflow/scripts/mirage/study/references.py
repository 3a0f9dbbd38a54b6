"""Names in the configuration that must stand in another of its sections."""

import dataclasses
import typing
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from mirage.building import hints, is_union, joined, meant, node, node_of, settings
from mirage.marks import In, PartOf
from mirage.study.sections.scale import ScaleSection
from mirage.visible import listed


def unknown_names(scale: ScaleSection) -> Iterator[str]:
    """Yield what no section holds, as ``key: problem`` texts."""
    for place, section, name in references(ScaleSection, scale, ""):
        held = getattr(scale, section)
        known = held if isinstance(held, Collection) else [k for k, v in vars(held).items() if v]
        if name not in known:
            hint = meant(name, known)
            told = f"{place}: {name!r} is not among {section} ({listed(known)})"
            yield f"{told}; {hint}" if hint else told


def references(hint: Any, value: Any, place: str) -> Iterator[tuple[str, str, str]]:
    """Every place whose type says that it names an entry of a section: (place, section, name)."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if value is None:
        return
    if dataclasses.is_dataclass(value):
        for key in settings(type(value)):
            yield from references(hints(type(value))[key], getattr(value, key), joined(place, key))
    elif origin is typing.Annotated:
        for mark in arguments[1:]:
            if isinstance(mark, In):
                yield place, mark.section, value.partition("+")[0]  # swaps of an attack follow
            if isinstance(mark, PartOf):
                for key, entry in value.items():
                    yield from references(hints(mark.recipe)[key], entry, joined(place, key))
        yield from references(arguments[0], value, place)
    elif is_union(origin):
        for option in arguments:
            if node(option) is node_of(value):
                yield from references(option, value, place)
    elif origin is Mapping:
        for key, entry in value.items():
            yield from references(arguments[0], key, place)
            yield from references(arguments[1], entry, joined(place, key))
    elif origin is tuple and arguments[-1] is Ellipsis:
        for index, entry in enumerate(value):
            yield from references(arguments[0], entry, f"{place}[{index}]")
