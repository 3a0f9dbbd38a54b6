"""The configuration's types as a JSON Schema, for editors that complete and check while one types.

``python -m mirage.study.schema FILE`` (``make schema``) writes it. The types check a
configuration, the schema never does; what ``__post_init__`` refuses does not stand in it.
"""

import dataclasses
import inspect
import re
import sys
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mirage.building import hints, is_required, is_union, settings
from mirage.marks import NOT_NULL, MadeBy, Mark, PartOf
from mirage.study.configuration import Configuration

Schema = dict[str, Any]

HEAD = (
    "# Made by `make schema` from the types in mirage/study/configuration.py; not to be edited.\n"
)
_PLAIN = {str: "string", int: "integer", float: "number", bool: "boolean", type(None): "null"}


def text() -> str:
    """JSON Schema of the whole configuration, as it is kept."""
    import yaml

    definitions: dict[str, Schema] = {}
    whole = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "MIRAGE configuration",
        **_of(Configuration, definitions),
        "$defs": dict(sorted(definitions.items())),
    }
    return HEAD + yaml.safe_dump(
        whole, allow_unicode=True, sort_keys=False, default_flow_style=None, width=100
    )


def _of(hint: Any, known: dict[str, Schema], part: bool = False) -> Schema:
    """Schema of an annotation (see ``building.cast``).

    Dataclasses go into ``known``, by name. Of a ``part`` every key, at every depth, may be missing.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Annotated:
        return _marked(arguments[0], arguments[1:], known)
    if is_union(origin):
        return {"anyOf": [_of(option, known, part) for option in arguments]}
    if origin is typing.Literal:
        return {"enum": list(arguments)}
    if origin is tuple and arguments[-1] is not Ellipsis:
        items = [_of(item, known) for item in arguments]
        return {"type": "array", "prefixItems": items, "items": False, "minItems": len(items)}
    if origin is tuple:
        return {"type": "array", "items": _of(arguments[0], known)}
    if origin is Mapping:
        names, entries = (_of(argument, known) for argument in arguments)
        return {"type": "object", "propertyNames": names, "additionalProperties": entries}
    if dataclasses.is_dataclass(hint):
        name = f"{typing.cast('type', hint).__name__}{'.part' * part}"
        if name not in known:
            known[name] = {}  # it may stand in itself
            known[name] = _object(typing.cast("type", hint), known, part)
        return {"$ref": f"#/$defs/{name}"}
    return {"type": _PLAIN[hint]} if hint in _PLAIN else {}


def _marked(hint: Any, marks: tuple[Any, ...], known: dict[str, Schema]) -> Schema:
    for mark in marks:
        if isinstance(mark, PartOf | MadeBy):
            return _of(mark.recipe, known, part=isinstance(mark, PartOf))
    made = _of(hint, known)
    if NOT_NULL in marks:
        *options, _ = made["anyOf"]  # null comes last
        made = options[0] if len(options) == 1 else {"anyOf": options}
    for mark in marks:
        made = {**made, **mark.schema} if isinstance(mark, Mark) else made
    return made


def _object(recipe: type, known: dict[str, Schema], part: bool) -> Schema:
    fields, told = settings(recipe), _told(recipe)
    properties = {
        key: {
            **_of(hints(recipe)[key], known, part),
            **({"description": told[key]} if key in told else {}),
        }
        for key in fields
    }
    required = [key for key, field in fields.items() if is_required(field) and not part]
    return {
        "type": "object",
        "description": inspect.cleandoc(recipe.__doc__ or "").split("\n\n")[0],
        "additionalProperties": False,
        "properties": properties,
        **({"required": required} if required else {}),
    }


def _told(recipe: type) -> dict[str, str]:
    """What docstrings say of each field, the recipe's own before those of its bases."""
    found: dict[str, str] = {}
    for each in reversed(recipe.__mro__):
        _, _, listed = inspect.cleandoc(each.__doc__ or "").partition("\nAttributes:\n")
        attributes = listed.split("\n\n")[0]
        for name, words in re.findall(r"^    (\w+): ((?:.|\n     )*)", attributes, re.MULTILINE):
            found[name] = " ".join(words.split())
    return found


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(text(), encoding="utf-8")
