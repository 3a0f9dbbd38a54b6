"""Verified hits: results that a face verification would accept as the person, too.

Ours, no part of the paper: a classifier has to call every image someone, so Acc@1 counts images in
which nobody would see the person. NumPy only.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mirage.errors import MirageError
from mirage.evaluation.accuracy import position_of_class
from mirage.evaluation.distances import nearest_squared, squared_distances
from mirage.evaluation.fidelity import FIDELITIES, Fidelity
from mirage.evaluation.recipe import VerificationRecipe
from mirage.evaluation.stored import AttackFeatures, RealFeatures

BLOCK = 1024
"""Rows of distances held at a time."""


def calibrate(real: RealFeatures, recipe: VerificationRecipe) -> dict[str, Any]:
    """Find the distance below which two photographs pass as one person.

    Args:
        real: features of the study's training images.
        recipe: whose features measure faces, and how many pairs of strangers may pass.

    Returns:
        JSON-able: ``network``, ``false_acceptance``, and for each fidelity what ``threshold`` says.

    Raises:
        MirageError: the network embedded nothing, or all photographs are of one person.
    """
    return {
        "network": recipe.network,
        "false_acceptance": recipe.false_acceptance,
        **{
            fidelity: threshold(
                real.of(recipe.network, fidelity), real.labels, recipe.false_acceptance
            )
            for fidelity in FIDELITIES
        },
    }


def threshold(
    features: NDArray[Any], labels: NDArray[np.int64], false_acceptance: float, block: int = BLOCK
) -> dict[str, float | int | None]:
    """Calibrate on all pairs of real images.

    Args:
        features: [N, D].
        labels: whose images they are, [N].
        false_acceptance: share of pairs of different people that may pass.
        block: rows of distances held at a time.

    Returns:
        ``squared``, the squared l2 distance that a pair must fall below: the largest one at which
        no more than that share of the pairs of different people do; ``strangers``, their number;
        ``true_acceptance``, the share of pairs of one person that pass, None if there are none.

    Raises:
        MirageError: all images are of one person.
    """
    counts = np.unique(labels, return_counts=True)[1]
    pairs = len(labels) * (len(labels) - 1) // 2
    own = int((counts * (counts - 1) // 2).sum())
    strangers = pairs - own
    if not strangers:
        raise MirageError("all photographs are of one person", "two people to tell apart")
    wanted = int(false_acceptance * strangers) + 1
    lowest, mine = np.empty(0), []
    for first in range(0, len(labels), block):
        rows = slice(first, first + block)
        squares = squared_distances(features[rows], features[first:])
        later = np.arange(squares.shape[1]) > np.arange(len(squares))[:, None]  # each pair once
        same = labels[rows, None] == labels[first:]
        mine.append(squares[later & same])
        bound = lowest.max() if len(lowest) == wanted else np.inf
        lowest = np.concatenate([lowest, squares[later & ~same & (squares < bound)]])
        if len(lowest) > wanted:
            lowest = np.partition(lowest, wanted - 1)[:wanted]
    limit = float(lowest.max())
    passed = np.concatenate(mine) < limit
    return {
        "squared": limit,
        "strangers": strangers,
        "true_acceptance": float(passed.mean()) if own else None,
    }


def verified_hits(
    attack: AttackFeatures,
    real: RealFeatures,
    calibrated: Mapping[str, Any],
    accuracy: str,
    fidelity: Fidelity,
) -> dict[str, float | None]:
    """Hold an attack's results against the calibrated distance.

    Args:
        attack: features of its results.
        real: features of the training images.
        calibrated: from ``calibrate``.
        accuracy: the network that says whose image it is, as for Acc@1.
        fidelity: of both networks' features.

    Returns:
        ``verified``, the share of all results that are hits and whose distance to the nearest
        photograph of the person is below the threshold; ``unverified``, the share of the hits that
        is not, None without hits. A result has as many tries as the person has photographs.
    """
    network = calibrated["network"]
    hits = position_of_class(attack.logits_of(accuracy, fidelity), attack.classes) == 0
    squares = nearest_squared(
        attack.of(network, fidelity), attack.classes, real.of(network, fidelity), real.labels
    )
    near = squares < calibrated[fidelity]["squared"]
    return {
        "verified": float((hits & near).mean()),
        "unverified": float((~near[hits]).mean()) if hits.any() else None,
    }
