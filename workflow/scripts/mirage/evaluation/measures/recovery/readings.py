"""Both readings of Table 8's columns, from stored features."""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mirage.evaluation.accuracy import position_of_class
from mirage.evaluation.distances import nearest_squared
from mirage.evaluation.fid import fit_gaussian, frechet_distance
from mirage.evaluation.fidelity import CORRECTED, FIDELITIES, PAPER, Fidelity
from mirage.evaluation.measures.recovery.recipe import RecoveryRecipe
from mirage.evaluation.measures.recovery.variety import variety
from mirage.evaluation.stored import AttackFeatures, RealFeatures

Array = NDArray[Any]


class Spread(NamedTuple):
    """A share, and its spread over images of the same classes; None with one image per class."""

    mean: float
    deviation: float | None


def recovery(
    attack: AttackFeatures,
    real: RealFeatures,
    found: NDArray[np.bool_],
    queries: NDArray[np.int64],
    recipe: RecoveryRecipe,
) -> dict[str, Any]:
    """Measure the images that an attack ended with.

    Args:
        attack: features of K classes, n images each, in the order in which they were made.
        real: features of the training images.
        found: which classes the attack has found at all, bool [K]; the others are failures, and
            their images no part of distances, FID and variety.
        queries: images that the target was shown for each class, int64 [K].
        recipe: what the ``paper`` reading takes.

    Returns:
        ``paper`` and ``corrected``: name -> number, shares in [0, 1], None where there are too few
        images. What both share: mean ``queries`` of a class, the share ``found``, and the
        ``variety`` of the attack's and the ``real_variety`` of the training images.

    Source: evaluation of LOMMA, KED and PLG-MI; quirks seed-spread, last-seed, shrunk-distance,
    successful-fid. The paper's δ_KNN is a mean of squared distances (quirk squared-distances).
    """
    own = attack.of(recipe.evaluator, CORRECTED)[found]
    photographs = real.of(recipe.evaluator, CORRECTED)
    shown = [photographs[real.labels == label] for label in attack.classes[found]]
    return {
        **{
            fidelity: _reading(
                attack, real, found, _settled(recipe, fidelity, len(found)), fidelity
            )
            for fidelity in FIDELITIES
        },
        "queries": float(queries.mean()),
        "found": float(found.mean()),
        "variety": variety(own),
        "real_variety": variety(shown),
    }


def _settled(recipe: RecoveryRecipe, fidelity: Fidelity, count: int) -> RecoveryRecipe:
    """What a reading takes; all ``count`` classes together where it is the corrected one."""
    if fidelity == PAPER:
        return recipe
    return RecoveryRecipe(recipe.evaluator, recipe.fid, compatible_fid=recipe.fid, batch=count)


def _reading(
    attack: AttackFeatures,
    real: RealFeatures,
    found: NDArray[np.bool_],
    recipe: RecoveryRecipe,
    fidelity: Fidelity,
) -> dict[str, float | int | None]:
    counted = slice(None, recipe.classes)
    classes, found = attack.classes[counted], found[counted]
    logits = attack.logits_of(recipe.evaluator, fidelity)[counted]
    place = np.where(found[:, None], position_of_class(logits, classes), logits.shape[2])
    first = shares(place < 1, recipe)
    fifth = shares(place < 5, recipe)
    if recipe.acc5 == "last":
        fifth = fifth._replace(mean=shares(place[:, -1:] < 5, recipe).mean)
    near = slice(None, recipe.distance_classes)
    kept = found[near]
    squares = (
        nearest_squared(
            attack.of(recipe.evaluator, fidelity)[counted][near][kept],
            classes[near][kept],
            real.of(recipe.evaluator, fidelity),
            real.labels,
        )
        if kept.any()
        else np.empty((0, place.shape[1]))
    )
    images = int(found.sum()) * place.shape[1]
    fakes = attack.of(recipe.compatible_fid, CORRECTED)[counted]
    # The published number is of what the evaluator takes for the class alone.
    told = fakes[place < 1] if fidelity == PAPER else fakes[found].reshape(-1, fakes.shape[2])
    wanted = np.isin(real.labels, classes[near])
    return {
        "recovered_acc1": first.mean,
        "recovered_acc1_std": first.deviation,
        "recovered_acc5": fifth.mean,
        "recovered_acc5_std": fifth.deviation,
        "delta_knn": float(squares.sum() / images) if images else None,
        "recovered_fid": _fid(told, real.of(recipe.compatible_fid, CORRECTED)[wanted]),
        "recovered_fid_images": len(told),
    }


def shares(hits: NDArray[np.bool_], recipe: RecoveryRecipe) -> Spread:
    """Share of hits, batch by batch of classes, and its spread over places.

    Args:
        hits: [K, n], images of a class in the order in which they were made.
        recipe: how large a batch is, and how the batches' spreads are joined.

    Returns:
        Mean over batches of the share, and of its spread over the n places (n - 1 in the
        denominator), each batch counting alike; the last may be smaller.
    """
    starts = range(0, len(hits), recipe.batch)
    batches = [hits[start : start + recipe.batch].mean(axis=0) for start in starts]  # [n] each
    mean = float(np.mean([places.mean() for places in batches]))
    if hits.shape[1] < 2:
        return Spread(mean, None)
    variances = [places.var(ddof=1) for places in batches]
    if recipe.spread == "variance":
        return Spread(mean, float(np.sqrt(np.mean(variances))))
    return Spread(mean, float(np.mean(np.sqrt(variances))))


def _fid(fakes: Array, photographs: Array) -> float | None:
    if min(len(fakes), len(photographs)) < 2:
        return None
    return frechet_distance(fit_gaussian(photographs), fit_gaussian(fakes))
