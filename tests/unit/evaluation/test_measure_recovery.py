"""Table 8's columns against small cases worked out by plain loops, and the published arithmetic."""

import math

import numpy as np
import pytest
from mirage.errors import MirageError
from mirage.evaluation.fid import fit_gaussian, frechet_distance
from mirage.evaluation.measures.recovery.readings import recovery, shares
from mirage.evaluation.measures.recovery.recipe import RecoveryRecipe
from mirage.evaluation.measures.recovery.variety import variety
from mirage.evaluation.stored import AttackFeatures, RealFeatures

K, IMAGES, CLASSES = 6, 5, 9
DRAWS = np.random.default_rng(0)
LABELS = np.array([0, 1, 3, 4, 6, 8])


def both(array):
    """The same features in either reading, but for a shift that tells them apart."""
    return {"paper": array, "corrected": array + 0.25}


@pytest.fixture(scope="module")
def attack():
    features, logits = {}, {}
    for role, width in (("eval", 4), ("eval_aligned", 4), ("fid", 3), ("fid_halved", 3)):
        for fidelity, values in both(DRAWS.normal(size=(K, IMAGES, width))).items():
            features[f"{role}.{fidelity}"] = values
            if role.startswith("eval"):
                told = DRAWS.normal(size=(K, IMAGES, CLASSES))
                told[np.arange(K), :, LABELS] += 1.5
                logits[f"{role}.{fidelity}"] = told
    return AttackFeatures(LABELS, features, logits)


@pytest.fixture(scope="module")
def real():
    labels = np.repeat(np.arange(CLASSES), 3)
    features = {
        f"{role}.corrected": DRAWS.normal(size=(len(labels), width))
        for role, width in (("eval", 4), ("eval_aligned", 4), ("fid", 3), ("fid_halved", 3))
    }
    return RealFeatures(labels, features)


def measured(attack, real, found=None, queries=None, **settings):
    found = np.ones(K, dtype=bool) if found is None else found
    queries = np.zeros(K, dtype=np.int64) if queries is None else queries
    return recovery(attack, real, found, queries, RecoveryRecipe.of(settings))


def by_loops(logits, places, k):
    """For each place of an image, which of its classes are among the k largest."""
    hits = np.zeros((len(places), IMAGES), dtype=bool)
    for row, label in enumerate(places):
        for image in range(IMAGES):
            hits[row, image] = label in np.argsort(-logits[row, image])[:k]
    return hits


def nearest(features, classes, photographs, labels):
    """Smallest squared distance of each image to its class's photographs."""
    return [
        min(((image - other) ** 2).sum() for other in photographs[labels == label])
        for row, label in enumerate(classes)
        for image in features[row]
    ]


LOMMA = {
    "batch": 2, "classes": 4, "distance_classes": 3, "acc5": "last", "spread": "std",
    "compatible_fid": "fid_halved",
}  # fmt: skip


def test_the_papers_reading_is_lommas(attack, real):
    found = measured(attack, real, **LOMMA)["paper"]
    logits, classes = attack.logits["eval.paper"][:4], LABELS[:4]
    first, fifth = (by_loops(logits, classes, k) for k in (1, 5))
    batches = [first[:2], first[2:]]
    assert found["recovered_acc1"] == pytest.approx(np.mean([b.mean() for b in batches]))
    spreads = [np.std([b[:, seed].mean() for seed in range(5)], ddof=1) for b in batches]
    assert found["recovered_acc1_std"] == pytest.approx(np.mean(spreads))
    last = [fifth[:2, 4].mean(), fifth[2:, 4].mean()]
    assert found["recovered_acc5"] == pytest.approx(np.mean(last))
    assert found["recovered_acc5"] != pytest.approx(fifth.mean())
    spreads = [np.std(fifth[rows].mean(axis=0), ddof=1) for rows in ([0, 1], [2, 3])]
    assert found["recovered_acc5_std"] == pytest.approx(np.mean(spreads))
    # Three classes add to the distance, all four classes' images are divided by.
    sums = nearest(
        attack.features["eval.paper"][:3], LABELS[:3], real.features["eval.corrected"], real.labels
    )
    assert found["delta_knn"] == pytest.approx(sum(sums) / (4 * IMAGES))
    successes = attack.features["fid_halved.corrected"][:4][first]
    theirs = real.features["fid_halved.corrected"][np.isin(real.labels, LABELS[:3])]
    expected = frechet_distance(fit_gaussian(theirs), fit_gaussian(successes))
    assert found["recovered_fid"] == pytest.approx(expected)
    assert found["recovered_fid_images"] == first.sum() < 4 * IMAGES


def test_the_corrected_reading_takes_all(attack, real):
    found = measured(attack, real, **LOMMA)["corrected"]
    logits = attack.logits["eval.corrected"]
    first, fifth = (by_loops(logits, LABELS, k) for k in (1, 5))
    assert found["recovered_acc1"] == pytest.approx(first.mean())
    assert found["recovered_acc5"] == pytest.approx(fifth.mean())
    assert found["recovered_acc1_std"] == pytest.approx(np.std(first.mean(axis=0), ddof=1))
    sums = nearest(
        attack.features["eval.corrected"], LABELS, real.features["eval.corrected"], real.labels
    )
    assert found["delta_knn"] == pytest.approx(np.mean(sums))
    fakes = attack.features["fid.corrected"].reshape(-1, 3)
    theirs = real.features["fid.corrected"][np.isin(real.labels, LABELS)]
    expected = frechet_distance(fit_gaussian(theirs), fit_gaussian(fakes))
    assert found["recovered_fid"] == pytest.approx(expected)
    assert found["recovered_fid_images"] == K * IMAGES


def test_an_attack_names_its_evaluator(attack, real):
    aligned = measured(attack, real, evaluator="eval_aligned")
    logits = attack.logits["eval_aligned.paper"]
    assert aligned["paper"]["recovered_acc1"] == pytest.approx(by_loops(logits, LABELS, 1).mean())
    assert aligned["paper"] != measured(attack, real)["paper"]
    with pytest.raises(MirageError, match="no features of the evaluation network 'face'"):
        measured(attack, real, evaluator="face")


def test_published_numbers_shrink_by_300_of_500():
    """As LOMMA divides: 300 classes' distances by 500 classes' images."""
    labels = np.arange(500)
    flat = np.zeros((500, 5, 1))
    attack = AttackFeatures(
        labels, {"eval.paper": flat, "eval.corrected": flat, "fid.corrected": flat},
        {f"eval.{fidelity}": np.zeros((500, 5, 500)) for fidelity in ("paper", "corrected")},
    )  # fmt: skip
    ones = {"eval.corrected": np.ones((500, 1)), "fid.corrected": np.ones((500, 1))}
    found = recovery(
        attack, RealFeatures(labels, ones), np.ones(500, dtype=bool), np.zeros(500, dtype=int),
        RecoveryRecipe(classes=500, distance_classes=300, batch=100),
    )  # fmt: skip
    assert found["paper"]["delta_knn"] == pytest.approx(0.6)
    assert found["corrected"]["delta_knn"] == pytest.approx(1.0)


def test_what_was_never_found_counts_as_failed(attack, real):
    found = np.array([True, False, True, True, False, True])
    queries = np.array([10, 40, 10, 20, 40, 30])
    told = measured(attack, real, found, queries)
    for fidelity in ("paper", "corrected"):
        hits = by_loops(attack.logits[f"eval.{fidelity}"], LABELS, 1)
        hits[~found] = False
        assert told[fidelity]["recovered_acc1"] == pytest.approx(hits.mean())
        assert told[fidelity]["recovered_acc5"] <= 4 / 6
        sums = nearest(
            attack.features[f"eval.{fidelity}"][found], LABELS[found],
            real.features["eval.corrected"], real.labels,
        )  # fmt: skip
        assert told[fidelity]["delta_knn"] == pytest.approx(np.mean(sums))
    assert told["corrected"]["recovered_fid_images"] == 4 * IMAGES
    assert (told["queries"], told["found"]) == (25, 4 / 6)


def test_nothing_found_leaves_numbers_out_and_fails_nothing(attack, real):
    told = measured(attack, real, np.zeros(K, dtype=bool))
    for fidelity in ("paper", "corrected"):
        reading = told[fidelity]
        assert reading["recovered_acc1"] == reading["recovered_acc5"] == 0
        assert reading["delta_knn"] is reading["recovered_fid"] is None
        assert reading["recovered_fid_images"] == 0
    assert told["variety"] is told["real_variety"] is None


def test_spreads_by_hand():
    # Two classes a batch: shares by image are 1/2, 1 and 0, 1/2; the last batch is one class.
    hits = np.array([[1, 1], [0, 1], [0, 1], [0, 0], [1, 0]], dtype=bool)
    variances = [1 / 8, 1 / 8, 1 / 2]
    means = [0.75, 0.25, 0.5]
    found = shares(hits, RecoveryRecipe(batch=2, spread="std"))
    assert found.mean == pytest.approx(np.mean(means))
    assert found.deviation == pytest.approx(np.mean(np.sqrt(variances)))
    found = shares(hits, RecoveryRecipe(batch=2, spread="variance"))
    assert found.deviation == pytest.approx(math.sqrt(np.mean(variances)))
    assert shares(hits[:, :1], RecoveryRecipe()).deviation is None


def test_the_papers_spreads_of_plg_mi_are_roots_of_rounded_variances():
    """Printed 3.16, 4.47 and 6.08 of a hundred: variances of 0.0010, 0.0020 and 0.0037."""
    for printed, variance in ((3.16, 0.0010), (4.47, 0.0020), (6.08, 0.0037)):
        assert round(100 * math.sqrt(variance), 2) == printed


def test_variety_by_hand():
    line = np.array([[0.0, 0.0], [3.0, 4.0], [0.0, 0.0]])  # pairs 5, 0, 5
    far = np.array([[0.0, 0.0], [0.0, 2.0]])
    assert variety([line, far, line[:1]]) == pytest.approx((10 / 3 + 2) / 2)
    assert variety([line[:1]]) is None
