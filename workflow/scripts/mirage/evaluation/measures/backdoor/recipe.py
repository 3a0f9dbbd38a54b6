"""Settings of the backdoor measure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from mirage.marks import entry, several
from mirage.recipes import Precision, Recipe
from mirage.targets.poisoned_labels import PoisonedLabels
from mirage.targets.treatments import PARTS, make

TRIGGERS = tuple(name for name in PARTS if issubclass(PARTS[name], PoisonedLabels))
"""Parts of treatments that have a trigger."""


@dataclass(frozen=True)
class BackdoorRecipe(Recipe):
    """Which triggers are tried.

    Attributes:
        triggers: of these parts of treatments.
        parts: their settings, which are those of the section ``treatments``.
        precision: arithmetic of the classifier.
    """

    triggers: Annotated[tuple[Annotated[str, entry(TRIGGERS)], ...], several()]
    parts: tuple[Mapping[str, Any], ...] = ()
    precision: Precision = "fp32"

    @property
    def made(self) -> tuple[PoisonedLabels, ...]:
        """The parts at work."""
        return tuple(part for part in make(self.parts) if isinstance(part, PoisonedLabels))
