"""What is fitted once for all attacks equals what each would have fitted for itself."""

import tracemalloc

import numpy as np
import pytest
from mirage.errors import MirageError
from mirage.evaluation.real_side import Reference, fit_reference
from mirage.evaluation.scores import score_attack
from mirage.evaluation.stored import AttackFeatures, RealFeatures

BOTH = ("paper", "corrected")
WIDTH = 6


def _real(people=5, each=9, seed=0):
    """Photographs in no order of their classes, the last class with one alone."""
    draws = np.random.default_rng(seed)
    labels = draws.permutation([*np.repeat(np.arange(people), each), people])
    features = {
        f"fid.{fidelity}": (draws.standard_normal((len(labels), WIDTH)) + labels[:, None]).astype(
            np.float32
        )
        for fidelity in BOTH
    }
    face = {"eval.corrected": draws.standard_normal((len(labels), 3), np.float32)}
    return RealFeatures(labels, features | face)


def _attack(classes, each=4, total=6, seed=1):
    draws = np.random.default_rng(seed)
    shape = (len(classes), each)
    features = {
        f"{network}.{fidelity}": draws.standard_normal((*shape, width), np.float32)
        for network, width in (("fid", WIDTH), ("eval", 3))
        for fidelity in BOTH
    }
    logits = {f"eval.{fidelity}": draws.standard_normal((*shape, total)) for fidelity in BOTH}
    return AttackFeatures(np.array(classes), features, logits)


def _fid(a, b):
    """By definition, in float64."""
    from scipy.linalg import sqrtm

    a, b = a.astype(np.float64), b.reshape(-1, WIDTH).astype(np.float64)
    sigma_a, sigma_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    offset = a.mean(axis=0) - b.mean(axis=0)
    root = sqrtm(sigma_a @ sigma_b).real
    return offset @ offset + np.trace(sigma_a) + np.trace(sigma_b) - 2 * np.trace(root)


def test_gaussians_are_those_of_all_photographs_in_both_readings():
    real = _real()
    found = fit_reference(real)
    for fidelity in BOTH:
        features = real.of("fid", fidelity).astype(np.float64)
        mean, factor = found.gaussian(fidelity)
        np.testing.assert_allclose(mean, features.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(factor.T @ factor, np.cov(features, rowvar=False), rtol=1e-9)


def test_a_network_fed_the_same_images_has_one_gaussian():
    real = _real()
    alone = {name: array for name, array in real.features.items() if name != "fid.paper"}
    found = fit_reference(RealFeatures(real.labels, alone))
    assert set(found.mean) == set(found.factor) == {"corrected"}
    for told, expected in zip(found.gaussian("paper"), found.gaussian("corrected"), strict=True):
        assert np.array_equal(told, expected)


def test_radii_reach_the_third_neighbour_of_the_own_class():
    from sklearn.neighbors import NearestNeighbors

    real = _real()
    found = fit_reference(real)
    features = real.of("fid", "corrected").astype(np.float64)
    for label in range(5):
        own = real.labels == label
        search = NearestNeighbors(n_neighbors=4).fit(features[own])
        distances, _ = search.kneighbors(features[own])  # the first is the image itself
        np.testing.assert_allclose(found.radii[own], distances[:, 3] ** 2, rtol=1e-9)
    assert found.radii[real.labels == 5].tolist() == [0]


@pytest.mark.parametrize("classes", [[0, 1, 2, 3, 4, 5], [5, 0, 3, 1, 4, 2], [3, 0], [4, 5, 1]])
def test_fid_is_against_the_attacked_classes_in_both_readings(classes):
    real, attack = _real(), _attack(classes)
    found = score_attack(attack, real, fit_reference(real), {})
    attacked = np.isin(real.labels, classes)
    for fidelity in BOTH:
        expected = _fid(real.of("fid", fidelity)[attacked], attack.of("fid", fidelity))
        assert found[fidelity]["fid"] == pytest.approx(expected, rel=1e-9)
        assert found[fidelity]["fid_images"] == min(attacked.sum(), 4 * len(classes))
    assert found["paper"]["fid"] != found["corrected"]["fid"]


def test_an_attack_on_some_classes_is_scored_as_if_there_were_no_others():
    """Balls are those of the class, so the other photographs may be there or not."""
    real, attack = _real(), _attack([4, 1, 5])
    kept = np.isin(real.labels, attack.classes)
    few = RealFeatures(
        real.labels[kept], {name: rows[kept] for name, rows in real.features.items()}
    )
    found = score_attack(attack, real, fit_reference(real), {})
    assert found == score_attack(attack, few, fit_reference(few), {})
    assert found["corrected"]["prdc_classes"] == 2  # the third has one photograph


def test_scores_from_files_are_those_from_memory(tmp_path):
    real, attack = _real(), _attack([0, 1, 2, 3, 4, 5])
    for name, held in (("real", real), ("attack", attack), ("reference", fit_reference(real))):
        held.save(tmp_path / name)
    read = score_attack(
        AttackFeatures.load(tmp_path / "attack"), RealFeatures.load(tmp_path / "real"),
        Reference.load(tmp_path / "reference"), {},
    )  # fmt: skip
    assert read == score_attack(attack, real, fit_reference(real), {})


def test_features_without_the_network_have_no_reference():
    real = _real()
    with pytest.raises(MirageError, match="'fid'"):
        fit_reference(RealFeatures(real.labels, {"eval.corrected": real.of("eval", "paper")}))


def test_a_file_is_read_one_network_at_a_time(tmp_path):
    rows, width = 1000, 256  # 1 MB each
    features = {f"{n}.{f}": np.ones((rows, width), np.float32) for n in "abcd" for f in BOTH}
    RealFeatures(np.zeros(rows, np.int64), features).save(tmp_path / "real")
    tracemalloc.start()
    try:
        real = RealFeatures.load(tmp_path / "real")
        sums = [float(real.of(n, f).sum()) for n in "abcd" for f in BOTH]
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    (tmp_path / "real").unlink()
    assert "a.paper" in real.features  # which reads nothing
    assert sums == [rows * width] * 8
    assert rows * width * 4 <= peak < 2.5 * rows * width * 4
