"""Settings put together: an attack's from those it is like, a scale's for a first look."""

from collections.abc import Mapping
from typing import Any

from mirage.errors import MirageError

Scale = Mapping[str, Any]

_NOT_INHERITED = ("like", "per_dataset", "paper")


def attack_settings(scale: Scale, name: str, dataset: str) -> dict[str, Any]:
    """Settings of one attack on one data set: those it is ``like``, its own, the data set's.

    Raises:
        MirageError: attacks are ``like`` one another in a circle.
    """
    lineage = [name]
    while (parent := scale["attacks"][lineage[-1]].get("like")) is not None:
        if parent in lineage:
            raise MirageError(f"config: attacks {' -> '.join([*lineage, parent])} go in a circle")
        lineage.append(parent)
    settings: dict[str, Any] = {}
    for ancestor in reversed(lineage):
        entry = scale["attacks"][ancestor]
        own = {key: value for key, value in entry.items() if key not in _NOT_INHERITED}
        settings = _merged(settings, own)
        settings = _merged(settings, entry.get("per_dataset", {}).get(dataset, {}))
    return settings


def prior_of(scale: Scale, settings: Mapping[str, Any]) -> str:
    """Name of the prior of an attack's latents: its settings' own, or its pool's."""
    own: str = (
        settings["prior"] if "prior" in settings else scale["pools"][settings["pool"]]["prior"]
    )
    return own


def with_first_seeds(scale: Scale, count: int | None) -> Scale:
    """A scale with the first so many seeds of each grid; None leaves it as it is."""
    grids = [{**grid, "seeds": grid["seeds"][:count]} for grid in scale["targets"]]
    return {**scale, "targets": grids}


def _merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in changes.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(key), Mapping)
        merged[key] = _merged(merged[key], value) if both else value
    return merged
