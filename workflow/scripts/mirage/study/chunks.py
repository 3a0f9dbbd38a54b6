"""Which classes an attack is made on, and the chunks they are cut into; each chunk is a job."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from mirage.errors import MirageError
from mirage.streams import seed_of
from mirage.visible import listed

Classes: TypeAlias = str | int | Sequence[int] | Mapping[str, Any]
"""``all``, the first few, those listed, or a draw: ``{draw: uniform, count: 100, seed: 1}``."""


def attacked(setting: Classes, known: int) -> list[int]:
    """The attacked classes, rising.

    A draw orders the classes by the hash of seed and class, and takes the first: a larger draw of
    the same seed holds a smaller one.

    Args:
        setting: which classes, as the configuration says.
        known: number of classes of the target.

    Raises:
        MirageError: there are not so many, or fewer than two.
    """
    everyone = range(known)
    if setting == "all":
        return list(everyone)
    if isinstance(setting, int):
        wanted: Sequence[int] = range(setting)
    elif isinstance(setting, Mapping):
        drawn = sorted(everyone, key=lambda label: seed_of(setting["seed"], "classes", label))
        wanted = drawn[: setting["count"]] if setting["count"] <= known else range(setting["count"])
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


def chunks(classes: Sequence[int], per_chunk: int | None) -> list[str]:
    """Cut the attacked classes into chunks, named by first and last class: ``0-33``.

    Args:
        classes: attacked classes, rising.
        per_chunk: classes in a chunk; None for one chunk.
    """
    size = per_chunk or len(classes)
    parts = [classes[first : first + size] for first in range(0, len(classes), size)]
    return [f"{part[0]}-{part[-1]}" for part in parts]


def classes_of(chunk: str, classes: Sequence[int]) -> list[int]:
    """The attacked ones among the classes of a chunk."""
    first, last = map(int, chunk.split("-"))
    return [label for label in classes if first <= label <= last]
