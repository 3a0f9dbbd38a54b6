"""Parts of treatments: one file each, whose name is the part's in a path."""

from collections.abc import Mapping, Sequence
from typing import Any

from mirage.registry import Registry
from mirage.targets.parts import TreatmentPart

PARTS: Registry[type[TreatmentPart]] = Registry(__name__, "PART")


def make(settings: Sequence[Mapping[str, Any]]) -> tuple[TreatmentPart, ...]:
    """Make the parts of a treatment.

    Args:
        settings: of each part; ``part`` is its name.

    Raises:
        MirageError: a part's values are impossible.
    """
    return tuple(
        PARTS[entry["part"]].of({key: value for key, value in entry.items() if key != "part"})
        for entry in settings
    )
