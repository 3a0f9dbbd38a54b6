"""Scores of one attack: both readings, small sets, and what a scoring job imports."""

import json
import subprocess
import sys

import numpy as np
import pytest
from mirage.data.splits import first_per_class
from mirage.errors import MirageError
from mirage.evaluation import scores
from mirage.evaluation.real_side import fit_reference
from mirage.evaluation.scores import score_attack
from mirage.evaluation.stored import AttackFeatures, RealFeatures

XI = {"xi_train": 0.4, "xi_test": 0.3}


def _case(classes=(6, 1, 3), kept=4, total=7, real_each=5, seed=0):
    draws = np.random.default_rng(seed)
    classes = np.array(classes)
    attack, real, logits = {}, {}, {}
    for network, width in (("eval", 6), ("face", 4), ("fid", 5)):
        for fidelity in ("paper", "corrected"):
            name = f"{network}.{fidelity}"
            attack[name] = draws.standard_normal((len(classes), kept, width), np.float32)
            if fidelity == "corrected" or network == "fid":
                real[name] = draws.standard_normal((total * real_each, width), np.float32)
    for fidelity in ("paper", "corrected"):
        logits[f"eval.{fidelity}"] = draws.standard_normal((len(classes), kept, total), np.float32)
    labels = np.arange(total * real_each) % total
    return AttackFeatures(classes, attack, logits), RealFeatures(labels, real)


def _scores(attack, real, *measured, **options):
    """Scores against the real side as it is fitted for all attacks."""
    reference = (
        fit_reference(real) if any(name.startswith("fid") for name in real.features) else None
    )
    return score_attack(attack, real, reference, *measured, **options)


def test_names_and_json():
    found = _scores(*_case(), XI)
    both = {
        "acc1", "acc1_std", "acc1_class_std", "acc5", "delta_face", "delta_eval", "fid",
        "fid_images", "xi_train", "xi_test", "n_images", "n_classes",
    }  # fmt: skip
    more = {
        "delta_face_plain", "delta_eval_plain", "precision", "recall", "density", "coverage",
        "prdc_classes",
    }  # fmt: skip
    assert set(found["paper"]) == both
    assert set(found["corrected"]) == both | more
    assert (found["paper"]["n_images"], found["paper"]["n_classes"]) == (12, 3)
    assert found["paper"]["fid_images"] == 12
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_scores_are_means_of_the_rows_of_classes():
    found = _scores(*_case(), XI)
    for fidelity in ("paper", "corrected"):
        rows = [row for row in found["per_class"] if row["fidelity"] == fidelity]
        assert [row["class"] for row in rows] == [6, 1, 3]
        for name in rows[0].keys() - {"fidelity", "class"}:
            assert found[fidelity][name] == pytest.approx(np.mean([row[name] for row in rows]))


def test_networks_have_any_roles_and_measures_are_what_was_measured():
    attack, real = _case()

    def renamed(arrays):
        """Without FaceNet and FID; a network more, which is the face network under that name."""
        kept = {name: held for name, held in arrays.items() if name.startswith("eval")}
        return kept | {
            name.replace("face", "second"): held
            for name, held in arrays.items()
            if name.startswith("face")
        }

    found = _scores(
        AttackFeatures(attack.classes, renamed(attack.features), attack.logits),
        RealFeatures(real.labels, renamed(real.features)),
        {"queries": 7.0},
    )
    whole = _scores(attack, real, XI)
    assert set(found["paper"]) == {
        "acc1", "acc1_std", "acc1_class_std", "acc5", "delta_second", "delta_eval", "queries",
        "n_images", "n_classes",
    }  # fmt: skip
    for fidelity in ("paper", "corrected"):
        assert found[fidelity]["delta_second"] == whole[fidelity]["delta_face"]
        assert found[fidelity]["acc5"] == whole[fidelity]["acc5"]


def test_distances_are_squared_and_the_plain_ones_are_their_roots():
    from scipy.spatial.distance import cdist

    attack, real = _case()
    found = _scores(attack, real, XI)
    nearest = []
    for row, label in enumerate(attack.classes):
        own = real.of("face", "corrected")[real.labels == label]
        nearest.append(cdist(attack.of("face", "corrected")[row], own).min(axis=1))
    assert found["corrected"]["delta_face"] == pytest.approx(np.mean(np.square(nearest)))
    assert found["corrected"]["delta_face_plain"] == pytest.approx(np.mean(nearest))
    assert "delta_face_plain" not in found["paper"]


@pytest.mark.parametrize("samples", [1, 3])
def test_distances_to_what_the_target_has_seen(samples):
    """Against a loop over the first images of each class, in the order of the split."""
    attack, real = _case()
    found = _scores(attack, real, XI, samples=samples)
    without = _scores(attack, real, XI)
    for fidelity in ("paper", "corrected"):
        for network in ("face", "eval"):
            nearest = []
            for label, images in zip(attack.classes, attack.of(network, fidelity), strict=True):
                seen = [i for i in range(len(real.labels)) if real.labels[i] == label][:samples]
                known = real.of(network, fidelity)[seen].astype(float)
                nearest += [min(sum((x - y) ** 2) for y in known) for x in images.astype(float)]
            told = found[fidelity].pop(f"delta_{network}_seen")
            assert told == pytest.approx(np.mean(nearest))
            assert told > found[fidelity][f"delta_{network}"]
    assert found == without  # nothing else changes, and nothing is added without a budget


def test_who_has_seen_all_images_is_as_near_to_them():
    found = _scores(*_case(), XI, samples=99)
    for fidelity in ("paper", "corrected"):
        for name in ("delta_face", "delta_eval"):
            assert found[fidelity][f"{name}_seen"] == pytest.approx(found[fidelity][name])


def test_the_first_images_are_those_that_training_takes():
    """The same rows from the real features' order as from the whole view's."""
    draws = np.random.default_rng(3)
    labels, train = draws.integers(0, 4, 60), draws.permutation(60)[:45]
    chosen = first_per_class(labels, train, 5)
    among = first_per_class(labels[train], np.arange(len(train)), 5, allow_short=True)
    assert train[among].tolist() == chosen.tolist()


def test_each_reading_uses_its_own_features():
    attack, real = _case()
    expected = _scores(attack, real, XI)
    swapped = {
        name.replace("paper", "x").replace("corrected", "paper").replace("x", "corrected"): array
        for name, array in attack.features.items()
    }
    found = _scores(AttackFeatures(attack.classes, swapped, attack.logits), real, XI)
    assert found["paper"]["delta_eval"] == expected["corrected"]["delta_eval"]
    assert found["corrected"]["delta_eval"] == expected["paper"]["delta_eval"]
    assert expected["paper"]["fid"] != expected["corrected"]["fid"]


def test_fid_takes_the_training_images_of_attacked_classes_only():
    attack, real = _case()
    other = ~np.isin(real.labels, attack.classes)
    moved = {name: array + 100 * other[:, None] for name, array in real.features.items()}
    found = _scores(attack, RealFeatures(real.labels, moved), XI)
    assert found["paper"]["fid"] == _scores(attack, real, XI)["paper"]["fid"]


def test_perfect_attack():
    attack, real = _case(kept=5)
    own = [real.labels == label for label in attack.classes]
    features = {
        f"{network}.{fidelity}": np.stack([real.of(network, fidelity)[rows] for rows in own])
        for network in ("eval", "face", "fid")
        for fidelity in ("paper", "corrected")
    }
    logits = np.eye(7, dtype=np.float32)[attack.classes][:, None].repeat(5, axis=1)
    attack = AttackFeatures(
        attack.classes, features, {"eval.paper": logits, "eval.corrected": logits}
    )
    for fidelity in ("paper", "corrected"):
        found = _scores(attack, real, XI)[fidelity]
        assert (found["acc1"], found["acc1_std"], found["acc5"]) == (1, 0, 1)
        assert found["delta_face"] == pytest.approx(0, abs=1e-9)
        assert found["fid"] == pytest.approx(0, abs=1e-5)
    assert found["precision"] == found["recall"] == found["coverage"] == 1


@pytest.mark.parametrize("kept", [1, 2, 3])
def test_few_images_and_few_classes(kept):
    found = _scores(*_case(classes=(0, 2), kept=kept, total=3), XI)["corrected"]
    assert found["acc5"] == 1  # three classes: five guesses cannot miss
    assert found["fid"] is not None
    assert (found["recall"] is None) == (kept == 1)
    assert found["fid_images"] == 2 * kept


def test_one_image_has_no_fid():
    found = _scores(*_case(classes=(2,), kept=1), XI)
    assert found["paper"]["fid"] is None
    assert found["paper"]["fid_images"] == 1


def test_means_of_prdc_say_over_how_many_classes_they_are():
    attack, real = _case()
    alone = np.flatnonzero(real.labels == 1)[1:]  # class 1 keeps a single training image
    kept = np.setdiff1d(np.arange(len(real.labels)), alone)
    few = RealFeatures(real.labels[kept], {n: a[kept] for n, a in real.features.items()})
    found = _scores(attack, few, XI)
    assert found["corrected"]["n_classes"] == 3
    assert found["corrected"]["prdc_classes"] == 2
    assert _scores(attack, real, XI)["corrected"]["prdc_classes"] == 3
    rows = [row for row in found["per_class"] if row["fidelity"] == "corrected"]
    known = [row["density"] for row in rows if row["density"] is not None]
    assert found["corrected"]["density"] == pytest.approx(sum(known) / 2)


def test_missing_network_is_named():
    attack, real = _case()
    features = {n: a for n, a in attack.features.items() if not n.startswith("face")}
    with pytest.raises(MirageError, match="'face'"):
        _scores(AttackFeatures(attack.classes, features, attack.logits), real, XI)


def test_scoring_loads_neither_torch_nor_scipy():
    code = f"import sys, {scores.__name__}; assert not {{'torch', 'scipy'}} & set(sys.modules)"
    path = ":".join(sys.path)
    subprocess.run([sys.executable, "-c", code], check=True, env={"PYTHONPATH": path})
