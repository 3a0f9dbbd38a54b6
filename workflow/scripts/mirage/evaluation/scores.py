"""All scores of one attack, from stored features."""

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from mirage.data.splits import first_per_class
from mirage.evaluation.accuracy import position_of_class
from mirage.evaluation.distances import nearest_squared, same_class
from mirage.evaluation.fid import fit_gaussian, frechet_distance
from mirage.evaluation.fidelity import CORRECTED, FIDELITIES, Fidelity
from mirage.evaluation.prdc import Prdc, prdc
from mirage.evaluation.real_side import FID, Reference
from mirage.evaluation.stored import AttackFeatures, RealFeatures, networks
from mirage.evaluation.verification import verified_hits

ACCURACY = "eval"
"""Role of the network of Acc@k.

Every network but the FID's gives a distance: ``eval`` δ_eval, ``face`` δ_face. What else is of
the FID's kind is named after it (``fid_halved``) and serves measures alone.
"""


def score_attack(
    attack: AttackFeatures,
    real: RealFeatures,
    reference: Reference | None,
    measured: Mapping[str, Any],
    calibrated: Mapping[str, Any] | None = None,
    samples: int | None = None,
) -> dict[str, Any]:
    """Compute every attack metric under both fidelities.

    Args:
        attack: features of the attack images in any number of networks, ``eval`` among them.
        real: features of the training images in the same networks.
        reference: what was fitted to these; without it there are no FID and no PRDC.
        measured: what the attack's measures found, ``xi_train`` say; it serves both fidelities,
            but for what stands under the name of one of them.
        calibrated: from ``verification.calibrate``; without it no hits are verified.
        samples: training images per class that the target has seen, the first of the split; None:
            all of them.

    Returns:
        ``paper`` and ``corrected``: name -> value, shares in [0, 1]; FID is None with a single
        image on either side, the PRDC values where a class has fewer than two: their means are
        over ``prdc_classes`` of the ``n_classes`` classes. With ``samples`` there are
        ``delta_<network>_seen`` beside the distances, whose reference are all training images of
        the class, seen or not. ``per_class``: one flat row per fidelity and class. JSON-able.

    Raises:
        MirageError: a network or the training images of an attacked class are missing.
    """
    scores: dict[str, Any] = {"per_class": []}
    shared = {name: value for name, value in measured.items() if name not in FIDELITIES}
    for fidelity in FIDELITIES:
        places = position_of_class(attack.logits_of(ACCURACY, fidelity), attack.classes)
        hits = places == 0
        columns: dict[str, list[float | None]] = {
            f"acc{k}": (places < k).mean(axis=1).tolist() for k in (1, 5)
        }
        columns |= _distances(attack, real, fidelity)
        if fidelity == CORRECTED and reference is not None:
            columns |= _prdc(attack, real, reference)
        scores[fidelity] = {
            # Over the accuracies of the best images, the second best, and so on: the best reading
            # of the "+-" in Tables 2 and 3 (quirk rank-spread).
            "acc1_std": float(hits.mean(axis=0).std()),
            "acc1_class_std": float(hits.mean(axis=1).std()),
            **{name: _mean(column) for name, column in columns.items()},
            **shared,
            **measured.get(fidelity, {}),
            **(verified_hits(attack, real, calibrated, ACCURACY, fidelity) if calibrated else {}),
            "n_images": places.size,
            "n_classes": len(attack.classes),
        }
        if reference is not None:
            scores[fidelity] |= _fid(attack, real, reference, fidelity)
        if "coverage" in columns:
            rated = [value is not None for value in columns["coverage"]]
            scores[fidelity]["prdc_classes"] = sum(rated)
        if samples is not None:
            scores[fidelity] |= _seen(attack, real, samples, fidelity)
        for row, label in enumerate(attack.classes):
            own = {name: column[row] for name, column in columns.items()}
            scores["per_class"].append({"fidelity": fidelity, "class": int(label), **own})
    return scores


def joined(found: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """What several measures found, as ``score_attack`` takes it."""
    measured: dict[str, Any] = {fidelity: {} for fidelity in FIDELITIES}
    for numbers in found:
        for name, value in numbers.items():
            if name in FIDELITIES:
                measured[name] |= value
            else:
                measured[name] = value
    return measured


def _distances(
    attack: AttackFeatures, real: RealFeatures, fidelity: Fidelity
) -> dict[str, list[float | None]]:
    """Mean distance of each class in every network that gives one: name -> K values."""
    columns: dict[str, list[float | None]] = {}
    for network in _with_distance(attack, real):
        squares = nearest_squared(
            attack.of(network, fidelity), attack.classes, real.of(network, fidelity), real.labels
        )
        columns[f"delta_{network}"] = squares.mean(axis=1).tolist()
        if fidelity == CORRECTED:
            columns[f"delta_{network}_plain"] = np.sqrt(squares).mean(axis=1).tolist()
    return columns


def _prdc(
    attack: AttackFeatures, real: RealFeatures, reference: Reference
) -> dict[str, list[float | None]]:
    """Precision, recall, density and coverage of each class: name -> K values."""
    pairs = same_class(
        attack.of(FID, CORRECTED), attack.classes, real.of(FID, CORRECTED), real.labels
    )
    found = [
        prdc(own, fake, reference.radii[real.labels == label])
        if min(len(own), len(fake)) > 1
        else None
        for label, (fake, own) in zip(attack.classes, pairs, strict=True)
    ]
    return {
        name: [None if values is None else values[place] for values in found]
        for place, name in enumerate(Prdc._fields)
    }


def _with_distance(attack: AttackFeatures, real: RealFeatures) -> list[str]:
    """Networks that give a distance, the evaluator last."""
    found = {role for role in networks(attack, real) if role.partition("_")[0] != FID}
    return sorted(found, key=lambda name: (name == ACCURACY, name))


def _seen(
    attack: AttackFeatures, real: RealFeatures, samples: int, fidelity: Fidelity
) -> dict[str, float]:
    """Distances to the nearest of the images that the target has seen; ours, not in the paper."""
    rows = first_per_class(real.labels, np.arange(len(real.labels)), samples, allow_short=True)
    found = {}
    for network in _with_distance(attack, real):
        squares = nearest_squared(
            attack.of(network, fidelity),
            attack.classes,
            real.of(network, fidelity)[rows],
            real.labels[rows],
        )
        found[f"delta_{network}_seen"] = float(squares.mean())
    return found


def _fid(
    attack: AttackFeatures, real: RealFeatures, reference: Reference, fidelity: Fidelity
) -> dict[str, float | int | None]:
    """FID against the training images of the attacked classes, with the smaller image count.

    With fewer images than features the estimate is biased upwards: compare equal counts only.
    """
    fake = attack.of(FID, fidelity)
    fake = fake.reshape(-1, fake.shape[-1])
    attacked = np.isin(real.labels, attack.classes)
    images = min(int(attacked.sum()), len(fake))
    if images < 2:
        return {"fid": None, "fid_images": images}
    if attacked.all():
        own = reference.gaussian(fidelity)
    else:
        own = fit_gaussian(real.of(FID, fidelity)[attacked])
    return {"fid": frechet_distance(own, fit_gaussian(fake)), "fid_images": images}


def _mean(column: list[float | None]) -> float | None:
    values = [value for value in column if value is not None]
    return float(np.mean(values)) if values else None
