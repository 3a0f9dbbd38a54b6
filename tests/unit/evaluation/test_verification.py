"""Verified hits: the threshold by counting pairs, the shares by hand."""

import itertools

import numpy as np
import pytest
from mirage.errors import MirageError
from mirage.evaluation.recipe import VerificationRecipe
from mirage.evaluation.scores import score_attack
from mirage.evaluation.stored import AttackFeatures, RealFeatures
from mirage.evaluation.verification import calibrate, threshold, verified_hits


def _people(people=9, each=8, width=6, seed=0):
    stream = np.random.default_rng(seed)
    labels = stream.permutation(np.repeat(np.arange(people), each))
    centres = stream.normal(size=(people, width)) * 1.5
    return centres[labels] + stream.normal(size=(len(labels), width)), labels


def _squares(features, labels, same):
    return np.array([
        ((features[i] - features[j]) ** 2).sum()
        for i, j in itertools.combinations(range(len(labels)), 2)
        if (labels[i] == labels[j]) == same
    ])  # fmt: skip


@pytest.mark.parametrize("block", [1, 7, 72, 500])
@pytest.mark.parametrize("rate", [0.0001, 0.001, 0.05, 0.5, 0.999])
def test_the_threshold_is_the_largest_that_lets_no_more_strangers_pass(block, rate):
    features, labels = _people()
    found = threshold(features, labels, rate, block)
    others, own = (_squares(features, labels, same) for same in (False, True))
    assert found["strangers"] == len(others) == 72 * 71 // 2 - 9 * 28
    # The threshold is one of these distances, which round in another way here.
    assert (others < found["squared"] * (1 - 1e-9)).mean() <= rate
    allowed = np.sort(others)
    assert found["squared"] == pytest.approx(allowed[int(rate * len(others))])
    assert ((others < found["squared"] * (1 + 1e-9)).sum() + 0.5) / len(others) > rate
    assert found["true_acceptance"] == pytest.approx((own < found["squared"]).mean())


def test_people_far_apart_are_all_accepted_and_one_person_is_refused():
    features, labels = _people()
    far = features + 1000 * labels[:, None]
    assert threshold(far, labels, 0.001)["true_acceptance"] == 1
    assert threshold(far[:9], np.arange(9), 0.001)["true_acceptance"] is None
    with pytest.raises(MirageError, match="one person"):
        threshold(features, np.zeros(72, dtype=int), 0.001)


def _study():
    """Two people on a line at 0 and 10; four results each, of known place and verdict."""
    real = RealFeatures(np.array([0, 0, 1, 1]), {
        "face.corrected": np.array([[0.0], [1], [10], [11]]),
        "eval.corrected": np.zeros((4, 1)),
    })  # fmt: skip
    places = np.array([[0.5, 3.0, 0.0, 9.0], [10.5, 14.0, 20.0, 11.0]])[..., None]
    verdicts = np.array([[1, 1, 0, 0], [1, 1, 1, 0]])  # right or wrong
    logits = np.stack([verdicts, 1 - verdicts], -1)
    logits[1] = logits[1, :, ::-1]
    both = ("paper", "corrected")
    attack = AttackFeatures(
        np.array([0, 1]),
        {f"{n}.{f}": places if n == "face" else places * 0 for n in ("face", "eval") for f in both},
        {f"eval.{f}": logits.astype(float) for f in both},
    )
    return attack, real


def test_hits_far_from_every_photograph_of_the_person_fail():
    attack, real = _study()
    calibrated = calibrate(real, VerificationRecipe("face", 0.3))
    # Strangers are 10, 11, 9 and 10 apart; one of four may pass, so below 10.
    assert calibrated["corrected"]["squared"] == calibrated["paper"]["squared"] == 100
    close = {**calibrated, "paper": {"squared": 9.0}}
    found = verified_hits(attack, real, close, "eval", "paper")
    # Of the hits those at 0.5, 3.0 (2 off) and 10.5 are near; those at 14 (3 off) and 20 are not.
    assert found == {"verified": 3 / 8, "unverified": 2 / 5}
    assert verified_hits(attack, real, calibrated, "eval", "corrected")["verified"] == 5 / 8


def test_no_hits_fail_where_there_are_none():
    attack, real = _study()
    missed = {
        name: logits[..., ::-1] * 0 - np.eye(2)[:, None] for name, logits in attack.logits.items()
    }
    lost = AttackFeatures(attack.classes, attack.features, missed)
    calibrated = calibrate(real, VerificationRecipe())
    assert verified_hits(lost, real, calibrated, "eval", "paper") == {
        "verified": 0.0, "unverified": None
    }  # fmt: skip


def test_scores_hold_them_beside_the_accuracy_and_nothing_else_changes():
    attack, real = _study()
    plain = score_attack(attack, real, None, {})
    calibrated = calibrate(real, VerificationRecipe("face", 0.3))
    scores = score_attack(attack, real, None, {}, calibrated)
    for fidelity in ("paper", "corrected"):
        own = scores[fidelity]
        assert own["verified"] == pytest.approx(own["acc1"] * (1 - own["unverified"]))
        kept = {k: v for k, v in own.items() if k not in ("verified", "unverified")}
        assert kept == plain[fidelity]
    assert scores["per_class"] == plain["per_class"]
