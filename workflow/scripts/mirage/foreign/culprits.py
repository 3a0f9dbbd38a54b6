"""Which entries of a pickle are no data, by the path that leads to them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mirage.foreign.plain_pickle import Name, Stranger
from mirage.foreign.wording import plain
from mirage.visible import listed

_DEEPEST = 12  # parts of a path that are shown


def tell(value: Any, unreached: Sequence[Stranger]) -> str:
    """Name what a file holds beside data.

    Args:
        value: the value of its pickle.
        unreached: all that is unknown in it, whether or not it is part of the value.

    Returns:
        A part of a sentence, such as ``its entry args is an object of the class
        argparse.Namespace``; empty if all is data.
    """
    found = list(_strangers_in(value)) or [((), stranger) for stranger in unreached]
    told = [_told(path, stranger) for path, stranger in found]
    return listed(told, most=3, joint="; ", nothing="")


def _strangers_in(value: Any) -> Iterator[tuple[tuple[str, ...], Stranger]]:
    """Unknown objects and bare names in a value, each once, with the path to it.

    What lies inside of one is not looked at: it explains nothing more.
    """
    # Depth first in the file's order, by a list of our own: a file may be nested to any depth.
    waiting: list[tuple[Any, Any]] = [(value, None)]
    seen: set[int] = set()
    while waiting:
        item, trail = waiting.pop()
        if isinstance(item, Stranger):
            if id(item) not in seen:
                seen.add(id(item))
                yield _path(trail), item
            continue
        if isinstance(item, Name) and not item.known:
            yield _path(trail), Stranger(item.text, "names")
            continue
        if isinstance(item, str | int | float | memoryview) or id(item) in seen:
            continue
        seen.add(id(item))
        children = [(child, (trail, key)) for key, child in _children(item)]
        waiting += reversed(children)


def _children(item: Any) -> Iterator[tuple[Any, Any]]:
    if isinstance(item, Mapping):
        yield from item.items()
    elif isinstance(item, list | tuple):
        yield from enumerate(item)
    elif hasattr(item, "parts"):
        yield from item.parts()


def _path(trail: Any) -> tuple[str, ...]:
    parts: list[str] = []
    while trail is not None and len(parts) <= _DEEPEST:
        trail, key = trail
        if key is not None:
            parts.append(plain(key, 60))
    if trail is not None:
        parts.append("…")
    return tuple(reversed(parts))


def _told(path: tuple[str, ...], stranger: Stranger) -> str:
    where = f"its entry {'.'.join(path)}" if path else "it"
    return f"{where} {stranger.how} {plain(stranger.name)}"
