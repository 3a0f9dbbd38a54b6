"""The sections ``measures`` and ``evaluation``: how attacks and targets are measured."""

from dataclasses import dataclass
from typing import Annotated, Any

from mirage.evaluation.measure import Measure, TargetMeasure
from mirage.evaluation.measures import MEASURES
from mirage.evaluation.recipe import VerificationRecipe
from mirage.marks import Count, MadeBy, Omissible
from mirage.recipes import Precision, Recipe
from mirage.study.sections.registered import with_entries, without


@dataclass(frozen=True)
class MeasuresSection(Recipe):
    """Settings of what is measured of targets, and of attacks beside scoring their features."""


def _settings(measure: Measure | TargetMeasure) -> Any:
    """What the configuration says of a measure.

    Its view says how large the images of its architecture are, ``treatments`` what its parts do.
    """
    return Annotated[Recipe, MadeBy(without(measure.recipe, {"image_px": 1, "parts": ()}))]


MEASURED = with_entries(MeasuresSection, {name: _settings(MEASURES[name]) for name in MEASURES})


@dataclass(frozen=True)
class EvaluationSection(Recipe):
    """How attack images are embedded.

    Attributes:
        gallery_classes: attacked classes whose best images are kept to be shown, the first of a
            draw that is the same for every attack.
        precision: arithmetic of both embeddings.
        verification: of hits, from stored features; ours, no part of the paper.
    """

    gallery_classes: Count
    precision: Precision = "fp32"
    verification: Omissible[VerificationRecipe] = None
