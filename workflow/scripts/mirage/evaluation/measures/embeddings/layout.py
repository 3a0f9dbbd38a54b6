"""A picture of feature space, and how well its classes are apart. NumPy and scikit-learn."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirage.errors import MirageError
from mirage.evaluation.measures.embeddings.recipe import EmbeddingsRecipe

Array = NDArray[Any]


def shown_rows(labels: Array, classes: int, wanted: int) -> NDArray[np.int64]:
    """Rows of the images of ``wanted`` classes at equal steps over all, or of all classes.

    Every fifth of FaceScrub's 530, for 100.
    """
    step = max(classes // wanted, 1)
    chosen = np.arange(0, classes, step)[:wanted]
    return np.flatnonzero(np.isin(labels, chosen))


def layout(features: Array, recipe: EmbeddingsRecipe) -> NDArray[np.float32]:
    """Lay images out in the plane by t-SNE of their principal components: [M, D] to [M, 2].

    On one thread: the sums of several would come out in another order each time.

    Raises:
        MirageError: too few images for the perplexity.

    Source: paper Figure 4, whose settings are open; the principal components are scikit-learn's
    advice for many features.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    if len(features) <= recipe.perplexity:
        raise MirageError(
            f"t-SNE of {len(features)} images with perplexity {recipe.perplexity:g}",
            "a perplexity below the number of images",
            "lower measures.embeddings.perplexity, or show more classes",
        )
    with threadpool_limits(1):
        count = min(recipe.components, *features.shape)
        scores = PCA(count, svd_solver="covariance_eigh").fit_transform(features.astype(np.float64))
        made: NDArray[np.float32] = TSNE(
            perplexity=recipe.perplexity,
            init="pca",
            learning_rate="auto",
            max_iter=recipe.iterations,
            random_state=recipe.seed,
        ).fit_transform(scores)
    return made.astype(np.float32)


def separation(features: Array, labels: Array, neighbours: int) -> dict[str, float]:
    """How well classes are apart, before any projection.

    Args:
        features: [M, D].
        labels: their classes, at least two, [M].
        neighbours: of each image, itself none of them.

    Returns:
        ``silhouette``, the mean over images (Rousseeuw 1987, Euclidean), and ``purity``, the mean
        share of an image's nearest neighbours that are of its class.
    """
    from sklearn.metrics import silhouette_score
    from sklearn.neighbors import NearestNeighbors

    exact = features.astype(np.float64)
    near = NearestNeighbors(n_neighbors=neighbours, algorithm="brute").fit(exact)
    own = labels[near.kneighbors(return_distance=False)] == labels[:, None]
    return {
        "silhouette": float(silhouette_score(exact, labels)),
        "purity": float(own.mean()),
    }
