"""The sections ``knowledge`` and ``evaluation``: how attacks are measured."""

from dataclasses import dataclass, field

from mirage.evaluation.recipe import KnowledgeRecipe
from mirage.kinds import Count
from mirage.recipes import Precision, Recipe
from mirage.study.sections.names import ArchitectureName


@dataclass(frozen=True)
class KnowledgeSection(KnowledgeRecipe):
    """The surrogate student; its images have the size of its architecture's view."""

    architecture: ArchitectureName
    image_px: int = field(default=1, init=False)
    epochs: int = field(kw_only=True)
    batch_size: int = field(kw_only=True)


@dataclass(frozen=True)
class EvaluationSection(Recipe):
    """How attack images are embedded.

    Attributes:
        gallery_classes: classes whose images are kept to be shown.
        precision: arithmetic of both embeddings.
    """

    gallery_classes: Count
    precision: Precision = "fp32"
