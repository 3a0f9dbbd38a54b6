"""Settings of the embedding measure."""

from dataclasses import dataclass
from typing import Annotated

from mirage.marks import Count, Positive, Seed, bounded
from mirage.recipes import Precision, Recipe

BLOCK = 1024
"""Rows of distances at a time: those of the paper's 34,090 images take 280 MB then."""


@dataclass(frozen=True)
class EmbeddingsRecipe(Recipe):
    """What is made of the features of training images.

    Attributes:
        classes: so many are laid out by t-SNE, at equal steps over all (paper Fig. 4: 100). The
            first of FaceScrub would be men only (quirk actors-first).
        components: principal components that t-SNE starts from.
        perplexity: of t-SNE, below the number of images shown.
        iterations: of t-SNE.
        neighbours: of each image shown, whose classes are compared with its own.
        seed: of t-SNE.
        precision: arithmetic of the classifier; distances are float64.
    """

    classes: Annotated[int, bounded(least=2)] = 100
    components: Count = 50
    perplexity: Positive = 30.0
    iterations: Annotated[int, bounded(least=250)] = 1000
    neighbours: Count = 5
    seed: Seed = 42
    precision: Precision = "fp32"
