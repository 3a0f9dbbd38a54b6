"""Which classes an attack is made on, and the chunks they are cut into; each chunk is a job."""

from collections.abc import Mapping, Sequence
from functools import partial
from types import MappingProxyType
from typing import Any, TypeAlias

from mirage.errors import MirageError
from mirage.streams import seed_of
from mirage.visible import listed

Classes: TypeAlias = str | int | Sequence[int] | Mapping[str, Any]
"""``all``, the first few, those listed, or a draw: ``{draw: uniform, count: 100, seed: 1}``."""
Groups: TypeAlias = Mapping[str, Sequence[int] | str]
"""Name of a group -> its classes, listed, or as the first and the last of a row: ``0-264``."""


def attacked(setting: Classes, known: int, groups: Groups = MappingProxyType({})) -> list[int]:
    """The attacked classes, rising.

    A draw orders the classes by the hash of seed and class, and takes the first: a larger draw of
    the same seed holds a smaller one. A ``balanced`` draw takes as many of each of the data set's
    groups.

    Args:
        setting: which classes, as the configuration says.
        known: number of classes of the target.
        groups: for a balanced draw.

    Raises:
        MirageError: there are not so many, or fewer than two.
    """
    everyone = range(known)
    if setting == "all":
        return list(everyone)
    if isinstance(setting, int):
        wanted: Sequence[int] = range(setting)
    elif isinstance(setting, Mapping) and setting["count"] > known:
        wanted = range(setting["count"])
    elif isinstance(setting, Mapping):
        wanted = _drawn(setting, groups if setting["draw"] == "balanced" else {"all": everyone})
    else:
        wanted = [label for label in setting if not isinstance(label, str)]
    strange = [label for label in wanted if label not in everyone]
    if strange:
        raise MirageError(
            f"class {strange[0]} cannot be attacked", f"classes 0 to {known - 1} of this target"
        )
    if len(set(wanted)) < 2:
        raise MirageError(f"the attacked classes are {listed(wanted)}", "at least two classes")
    return sorted(set(wanted))


def _drawn(draw: Mapping[str, Any], groups: Groups) -> list[int]:
    """As many classes of each group."""
    each, rest = divmod(draw["count"], max(len(groups), 1))
    listed_groups = [members(group) for group in groups.values()]
    short = any(len(group) < each for group in listed_groups)
    if not groups or rest or short:
        raise MirageError(
            f"{draw['count']} classes cannot be drawn in equal parts of {listed(groups)}",
            "a data set whose `groups` each hold enough classes, and a count that they divide",
        )

    place = partial(seed_of, draw["seed"], "classes")
    return [label for group in listed_groups for label in sorted(group, key=place)[:each]]


def members(group: Sequence[int] | str) -> Sequence[int]:
    """Classes of a group."""
    if not isinstance(group, str):
        return group
    first, last = map(int, group.split("-"))
    return range(first, last + 1)


def chunks(classes: Sequence[int], per_chunk: int, together: int = 1) -> list[str]:
    """Cut rising classes into chunks, named by first and last class: ``0-33``.

    A chunk holds as many whole batches of ``together`` classes as fit into ``per_chunk``, at least
    one; the last of all may be short.
    """
    size = max(per_chunk // together, 1) * together
    parts = [classes[first : first + size] for first in range(0, len(classes), size)]
    return [f"{part[0]}-{part[-1]}" for part in parts]


def classes_of(chunk: str, classes: Sequence[int]) -> list[int]:
    """The attacked ones among the classes of a chunk."""
    held = members(chunk)
    return [label for label in classes if label in held]
