"""One attack whose every score is worked out by hand, different in both readings.

Two classes are attacked, 5 and 2 of seven, with three images each. Features are numbers on a line.
"""

import statistics

import numpy as np
import pytest
from mirage.evaluation.real_side import fit_reference
from mirage.evaluation.scores import score_attack
from mirage.evaluation.stored import AttackFeatures, RealFeatures

CLASSES = np.array([5, 2])


def _logits(places):
    """Logits in which the attacked class stands at the given places, 0 for the highest."""
    rows = []
    for label, of_class in zip(CLASSES, places, strict=True):
        for place in of_class:
            order = [other for other in range(7) if other != label]
            order.insert(place, int(label))
            row = np.empty(7, np.float32)
            row[order] = np.arange(7, 0, -1)
            rows.append(row)
    return np.stack(rows).reshape(2, 3, 7)


def _line(*classes):
    return np.array(classes, dtype=np.float32)[:, :, None]


REAL = {5: [0, 1, 3, 7], 2: [0, 0.9, 3], 4: [50, 60]}
"""Images of class 4 are not attacked and may count nowhere."""
FAKE = _line([6.5, 8, 9], [5, 5.5, 9])
FAR = _line([106.5, 108, 109], [105, 105.5, 109])


@pytest.fixture
def scores():
    labels = np.repeat(list(REAL), [len(values) for values in REAL.values()])
    line = np.concatenate([np.array(values) for values in REAL.values()])[:, None]
    line = line.astype(np.float32)
    attack = AttackFeatures(
        CLASSES,
        {
            "eval.paper": FAR, "eval.corrected": FAKE,
            "face.paper": FAKE / 10, "face.corrected": FAR / 10,
            "fid.paper": FAR, "fid.corrected": FAKE,
        },
        {
            "eval.paper": _logits([[0, 4, 5], [0, 0, 4]]),
            "eval.corrected": _logits([[0, 1, 1], [0, 0, 0]]),
        },
    )  # fmt: skip
    real = RealFeatures(
        labels,
        {"eval.corrected": line, "face.corrected": line / 10, "fid.corrected": line,
         "fid.paper": 3 * line},
    )  # fmt: skip
    return score_attack(attack, real, fit_reference(real), {"xi_train": 0.25, "xi_test": 0.75})


@pytest.mark.parametrize(
    ("fidelity", "acc1", "acc5", "over_ranks", "over_classes"),
    [
        # Hits of the best, second and third images: 2, 1 and 0 of 2; of the classes: 1 and 2 of 3.
        ("paper", 3 / 6, 5 / 6, (1 / 6) ** 0.5, 1 / 6),
        # 2, 1 and 1 of 2; 1 and 3 of 3.
        ("corrected", 4 / 6, 6 / 6, (1 / 18) ** 0.5, 1 / 3),
    ],
)
def test_accuracies(scores, fidelity, acc1, acc5, over_ranks, over_classes):
    found = scores[fidelity]
    assert found["acc1"] == pytest.approx(acc1)
    assert found["acc5"] == pytest.approx(acc5)
    assert found["acc1_std"] == pytest.approx(over_ranks)
    assert found["acc1_class_std"] == pytest.approx(over_classes)
    assert (found["n_images"], found["n_classes"]) == (6, 2)


def test_accuracies_of_each_class(scores):
    rows = {(row["fidelity"], row["class"]): row for row in scores["per_class"]}
    assert [(row["fidelity"], row["class"]) for row in scores["per_class"]] == [
        ("paper", 5), ("paper", 2), ("corrected", 5), ("corrected", 2),
    ]  # fmt: skip
    assert rows["paper", 5]["acc1"] == pytest.approx(1 / 3)
    assert rows["paper", 5]["acc5"] == pytest.approx(2 / 3)
    assert rows["paper", 2]["acc1"] == pytest.approx(2 / 3)
    assert rows["paper", 2]["acc5"] == pytest.approx(1)


def test_distances(scores):
    # Gaps to the nearest real image: 0.5, 1, 2 (from 7) and 2, 2.5, 6 (from 3); far ones 100 more.
    near, far = [0.5, 1, 2, 2, 2.5, 6], [99.5, 101, 102, 102, 102.5, 106]
    squares = lambda gaps: statistics.mean(gap**2 for gap in gaps)  # noqa: E731
    assert scores["corrected"]["delta_eval"] == pytest.approx(squares(near))
    assert scores["paper"]["delta_eval"] == pytest.approx(squares(far))
    assert scores["corrected"]["delta_face"] == pytest.approx(squares(far) / 100)
    assert scores["paper"]["delta_face"] == pytest.approx(squares(near) / 100)
    assert scores["corrected"]["delta_eval_plain"] == pytest.approx(statistics.mean(near))
    assert scores["corrected"]["delta_face_plain"] == pytest.approx(statistics.mean(far) / 10)


def test_fid_on_a_line(scores):
    """(difference of means)^2 + (difference of deviations)^2, of attacked classes alone."""
    own = REAL[5] + REAL[2]
    for fidelity, fake, scale in (("corrected", FAKE, 1), ("paper", FAR, 3)):
        values, real = fake.flatten().tolist(), [scale * value for value in own]
        expected = (statistics.mean(values) - statistics.mean(real)) ** 2
        expected += (statistics.stdev(values) - statistics.stdev(real)) ** 2
        assert scores[fidelity]["fid"] == pytest.approx(expected, rel=1e-5)
        assert scores[fidelity]["fid_images"] == 6


def test_prdc(scores):
    """Of the corrected features, class by class.

    Class 5: balls of the real 0, 1, 3, 7 reach 7, 6, 4, 7 (third neighbour), so 6.5 lies in all
    four, 8 and 9 in the last. Balls of the fakes reach 2.5, 1.5, 2.5 (there are two neighbours):
    only the real 7 lies in one.
    Class 2: balls of 0, 0.9, 3 reach 3, 2.1, 3: the last holds 5 and 5.5. Balls of the fakes reach
    4, 3.5, 4: only the real 3 lies in one.
    """
    rows = {row["class"]: row for row in scores["per_class"] if row["fidelity"] == "corrected"}
    expected = {
        "precision": (1, 2 / 3), "recall": (1 / 4, 1 / 3), "density": (6 / 3 / 3, 2 / 3 / 2),
        "coverage": (1, 1 / 3),
    }  # fmt: skip
    for name, (first, second) in expected.items():
        assert rows[5][name] == pytest.approx(first)
        assert rows[2][name] == pytest.approx(second)
        assert scores["corrected"][name] == pytest.approx((first + second) / 2)
        assert name not in scores["paper"]


def test_the_students_scores_stand_in_both_readings(scores):
    for fidelity in ("paper", "corrected"):
        assert scores[fidelity]["xi_train"] == 0.25
        assert scores[fidelity]["xi_test"] == 0.75
