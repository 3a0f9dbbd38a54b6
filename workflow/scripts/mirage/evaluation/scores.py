"""All scores of one attack, from stored features."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from mirage.errors import MirageError
from mirage.evaluation.accuracy import top_k_accuracy
from mirage.evaluation.distances import nearest_squared, same_class
from mirage.evaluation.fid import fit_gaussian, frechet_distance
from mirage.evaluation.fidelity import CORRECTED, FIDELITIES, Fidelity
from mirage.evaluation.prdc import Prdc, prdc
from mirage.evaluation.stored import AttackFeatures, RealFeatures, networks
from mirage.evaluation.verification import verified_hits

ACCURACY, FID = "eval", "fid"
"""Roles of two evaluation networks: Acc@k; FID and PRDC, where there is one.

Every network but the latter gives a distance: ``eval`` δ_eval, ``face`` δ_face.
"""


def score_attack(
    attack: AttackFeatures,
    real: RealFeatures,
    measured: Mapping[str, float],
    calibrated: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Compute every attack metric under both fidelities.

    Args:
        attack: features of the attack images in any number of networks, ``eval`` among them.
        real: features of the training images in the same networks.
        measured: what the attack's measures found, ``xi_train`` say; it serves both fidelities,
            since a measure's recipe says which reading it follows.
        calibrated: from ``verification.calibrate``; without it no hits are verified.

    Returns:
        ``paper`` and ``corrected``: name -> value, shares in [0, 1]; FID is None with a single
        image on either side, the PRDC values where a class has fewer than two: their means are
        over ``prdc_classes`` of the ``n_classes`` classes. ``per_class``: one flat row per
        fidelity and class. JSON-able.

    Raises:
        MirageError: a network or the training images of an attacked class are missing, or a class
            has features or logits that are no finite numbers.
    """
    _require_finite(attack, real)
    scores: dict[str, Any] = {"per_class": []}
    for fidelity in FIDELITIES:
        columns = _per_class(attack, real, fidelity)
        scores[fidelity] = {
            **_accuracies(attack, fidelity),
            **{name: _mean(column) for name, column in columns.items()},
            **_prdc_classes(columns),
            **(_fid(attack, real, fidelity) if FID in networks(attack, real) else {}),
            **measured,
            **(verified_hits(attack, real, calibrated, ACCURACY, fidelity) if calibrated else {}),
            "n_images": int(np.prod(attack.of(ACCURACY, fidelity).shape[:2])),
            "n_classes": len(attack.classes),
        }
        scores["per_class"] += [
            {
                "fidelity": fidelity,
                "class": int(label),
                **{name: column[row] for name, column in columns.items()},
            }
            for row, label in enumerate(attack.classes)
        ]
    return scores


def _require_finite(attack: AttackFeatures, real: RealFeatures) -> None:
    """Name the classes whose images a network did not make sense of."""
    held = {
        "features": attack.features,
        "logits": attack.logits,
        "training features": real.features,
    }
    for what, arrays in held.items():
        labels = real.labels if what == "training features" else attack.classes
        for name, values in arrays.items():
            lost = ~np.isfinite(values).reshape(len(values), -1).all(axis=1)
            if lost.any():
                classes = ", ".join(map(str, np.unique(labels[lost])[:10]))
                raise MirageError(
                    f"{what} of the network {name} are no finite numbers: class {classes}",
                    "finite ones of every image",
                    "delete the file of features; the next run embeds the images again",
                )


def _accuracies(attack: AttackFeatures, fidelity: Fidelity) -> dict[str, float]:
    top1 = top_k_accuracy(attack.logits_of(ACCURACY, fidelity), attack.classes, 1)
    return {"acc1_std": top1.rank_std, "acc1_class_std": top1.class_std}


def _per_class(
    attack: AttackFeatures, real: RealFeatures, fidelity: Fidelity
) -> dict[str, list[float | None]]:
    """Metrics that are means over classes of equal size: name -> K values."""
    columns: dict[str, list[float | None]] = {}
    logits = attack.logits_of(ACCURACY, fidelity)
    for k in (1, 5):
        columns[f"acc{k}"] = top_k_accuracy(logits, attack.classes, k).per_class.tolist()
    with_distance = networks(attack, real) - {FID}
    for network in sorted(with_distance, key=lambda name: (name == ACCURACY, name)):
        squares = nearest_squared(
            attack.of(network, fidelity), attack.classes, real.of(network, fidelity), real.labels
        )
        columns[f"delta_{network}"] = squares.mean(axis=1).tolist()
        if fidelity == CORRECTED:
            columns[f"delta_{network}_plain"] = np.sqrt(squares).mean(axis=1).tolist()
    if fidelity == CORRECTED and FID in networks(attack, real):
        columns |= _prdc(attack, real)
    return columns


def _prdc(attack: AttackFeatures, real: RealFeatures) -> dict[str, list[float | None]]:
    pairs = same_class(
        attack.of(FID, CORRECTED), attack.classes, real.of(FID, CORRECTED), real.labels
    )
    found = [prdc(own, fake) if min(len(own), len(fake)) > 1 else None for fake, own in pairs]
    return {
        name: [None if value is None else float(getattr(value, name)) for value in found]
        for name in Prdc._fields
    }


def _prdc_classes(columns: Mapping[str, list[float | None]]) -> dict[str, int]:
    """Number of classes behind the means of PRDC, under the fidelity that has it."""
    values = columns.get(Prdc._fields[0])
    return {} if values is None else {"prdc_classes": sum(value is not None for value in values)}


def _fid(
    attack: AttackFeatures, real: RealFeatures, fidelity: Fidelity
) -> dict[str, float | int | None]:
    """FID against the training images of the attacked classes, with the smaller image count.

    With fewer images than features the estimate is biased upwards: compare equal counts only.
    """
    attacked = np.isin(real.labels, attack.classes)
    own = real.of(FID, fidelity)[attacked]
    fake = attack.of(FID, fidelity)
    fake = fake.reshape(-1, fake.shape[-1])
    images = min(len(own), len(fake))
    fid = frechet_distance(fit_gaussian(own), fit_gaussian(fake)) if images > 1 else None
    return {"fid": fid, "fid_images": images}


def _mean(column: list[float | None]) -> float | None:
    values = [value for value in column if value is not None]
    return float(np.mean(values)) if values else None
