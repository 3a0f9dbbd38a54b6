"""Accuracy, distances, FID and PRDC against independent oracles."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from mirage.errors import MirageError
from mirage.evaluation.accuracy import position_of_class
from mirage.evaluation.distances import nearest_squared, squared_distances
from mirage.evaluation.fid import fit_gaussian, frechet_distance
from mirage.evaluation.prdc import prdc, radii
from mirage.targets.inference import accuracy


def _draws(*shape, seed=0):
    return np.random.default_rng(seed).standard_normal(shape)


# Accuracy


@pytest.mark.parametrize("k", [1, 5])
def test_top_k_agrees_with_torchmetrics(k):
    from torchmetrics.functional.classification import multiclass_accuracy

    logits = _draws(6, 4, 9).astype(np.float32)
    classes = np.array([8, 0, 3, 5, 1, 2])
    oracle = multiclass_accuracy(
        torch.from_numpy(logits.reshape(-1, 9)),
        torch.from_numpy(np.repeat(classes, 4)),
        num_classes=9,
        average="micro",
        top_k=k,
    )
    hits = position_of_class(logits, classes) < k
    assert hits.mean() == pytest.approx(float(oracle))


@given(arrays.arrays(np.int64, (3, 2, 4), elements=st.integers(0, 2)))
def test_first_place_is_argmax_even_with_ties(logits):
    classes = np.array([3, 0, 2])
    first = position_of_class(logits, classes) == 0
    assert (first == (logits.argmax(axis=2) == classes[:, None])).all()


# Distances


def test_squared_distances_agree_with_scipy():
    from scipy.spatial.distance import cdist

    a, b = _draws(7, 5) + 100, _draws(4, 5, seed=1) + 100
    np.testing.assert_allclose(squared_distances(a, b), cdist(a, b, "sqeuclidean"), rtol=1e-9)


def test_nearest_training_image_of_the_own_class():
    from sklearn.neighbors import NearestNeighbors

    attack, real = _draws(3, 4, 6), _draws(30, 6, seed=1)
    labels, classes = np.arange(30) % 5, np.array([4, 0, 2])
    found = nearest_squared(attack, classes, real, labels)
    for row, label in enumerate(classes):
        search = NearestNeighbors(n_neighbors=1).fit(real[labels == label])
        np.testing.assert_allclose(
            found[row], search.kneighbors(attack[row])[0][:, 0] ** 2, rtol=1e-9
        )


def test_class_without_training_images_is_named():
    with pytest.raises(MirageError, match="class 7"):
        nearest_squared(_draws(1, 2, 3), np.array([7]), _draws(4, 3), np.zeros(4, int))


# FID


def _fid(a, b):
    return frechet_distance(fit_gaussian(a), fit_gaussian(b))


def _fid_by_scipy(a, b):
    from scipy.linalg import sqrtm

    sigma_a, sigma_b = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    offset = a.mean(axis=0) - b.mean(axis=0)
    root = sqrtm(sigma_a @ sigma_b).real
    return offset @ offset + np.trace(sigma_a) + np.trace(sigma_b) - 2 * np.trace(root)


def test_fid_agrees_with_scipy_and_torchmetrics():
    from torchmetrics.image.fid import _compute_fid

    a, b = _draws(200, 8), _draws(150, 8, seed=1) @ _draws(8, 8, seed=2) + 0.3
    assert _fid(a, b) == pytest.approx(_fid_by_scipy(a, b), rel=1e-9)
    moments = [
        torch.from_numpy(np.atleast_1d(value))
        for set_ in (a, b)
        for value in (set_.mean(axis=0), np.cov(set_, rowvar=False))
    ]
    assert _fid(a, b) == pytest.approx(float(_compute_fid(*moments)), rel=1e-9)


def test_fid_of_gaussians_with_known_distance():
    # Axis-aligned clouds with exactly known moments: points at +-s_i on each axis.
    def cloud(spread, mean):
        n = 2 * len(spread)
        points = np.concatenate([np.diag(spread), -np.diag(spread)]) * np.sqrt((n - 1) / 2)
        return points + mean

    s, t, offset = np.array([1.0, 2, 0.5]), np.array([3.0, 0.1, 0.5]), np.array([1.0, 0, 2])
    expected = (offset**2).sum() + ((s - t) ** 2).sum()
    assert _fid(cloud(s, 0), cloud(t, offset)) == pytest.approx(expected)


def test_fid_with_fewer_images_than_dimensions():
    # A rotation of few images into many dimensions leaves the distance what it was.
    a, b = _draws(40, 6), _draws(30, 6, seed=1) * 2 + 1
    turn = np.linalg.qr(_draws(128, 6, seed=2))[0].T  # [6, 128], orthonormal rows
    assert _fid(a @ turn, b @ turn) == pytest.approx(_fid_by_scipy(a, b), rel=1e-9)


@pytest.mark.parametrize("block", [1, 7, 19, 20, 64])
def test_a_gaussian_does_not_depend_on_the_blocks_it_is_fitted_in(block):
    """Of more images than dimensions and of fewer; also where variances span twelve decades."""
    scale = np.logspace(0, -6, 12)
    for count in (64, 9):
        a, b = _draws(count, 12) * scale + 3, _draws(50, 12, seed=1) * 2 * scale
        found = fit_gaussian(a, block)
        assert found.factor.shape == (min(count, 12), 12)
        np.testing.assert_allclose(found.mean, a.mean(axis=0), rtol=1e-14)
        covariance = np.cov(a, rowvar=False) / np.outer(scale, scale)
        told = found.factor.T @ found.factor / np.outer(scale, scale)
        np.testing.assert_allclose(told, covariance, rtol=1e-9, atol=1e-9)
        assert frechet_distance(found, fit_gaussian(b)) == pytest.approx(_fid(a, b), rel=1e-12)


@settings(max_examples=25, deadline=None)
@given(count=st.integers(2, 40), dimensions=st.integers(1, 20), seed=st.integers(0, 99))
def test_fid_is_a_distance(count, dimensions, seed):
    a, b = _draws(count, dimensions, seed=seed), _draws(9, dimensions, seed=seed + 1)
    assert _fid(a, a) == pytest.approx(0, abs=1e-10)
    assert _fid(a, b) == pytest.approx(_fid(b, a), rel=1e-9)
    assert _fid(a, b) > 0


def test_fid_of_a_shift_is_its_square():
    a = _draws(72, 100).astype(np.float32)
    assert _fid(a, a + np.float32(0.5)) == pytest.approx(100 * 0.25, rel=1e-5)


def test_fid_of_one_image_is_refused():
    with pytest.raises(MirageError, match="at least 2"):
        fit_gaussian(_draws(1, 4))


# PRDC


def _naive_prdc(real, fake, k):
    def radius(own, index):
        return sorted(np.linalg.norm(own[index] - other) for other in own)[k]

    def inside(point, centres):
        return [np.linalg.norm(point - c) < radius(centres, i) for i, c in enumerate(centres)]

    return (
        np.mean([any(inside(f, real)) for f in fake]),
        np.mean([any(inside(r, fake)) for r in real]),
        np.mean([sum(inside(f, real)) / k for f in fake]),
        np.mean(
            [any(np.linalg.norm(f - r) < radius(real, i) for f in fake) for i, r in enumerate(real)]
        ),
    )


@pytest.mark.parametrize("offset", [0.0, 0.8])
def test_prdc_agrees_with_its_definition(offset):
    real, fake = _draws(17, 4), 0.7 * _draws(12, 4, seed=1) + offset
    assert prdc(real, fake, radii(real)) == pytest.approx(_naive_prdc(real, fake, 3))


def test_prdc_of_equal_and_of_distant_sets():
    real = _draws(20, 4)
    balls = radii(real)
    assert prdc(real, real, balls)[:2] == (1.0, 1.0)
    assert prdc(real, real, balls).coverage == 1.0
    assert prdc(real, real + 100, balls) == (0, 0, 0, 0)


def test_small_sets_use_their_farthest_neighbour():
    # As many images as the demo keeps: two neighbours each instead of three.
    real, fake = _draws(3, 4), _draws(3, 4, seed=1)
    assert prdc(real, fake, radii(real)) == pytest.approx(_naive_prdc(real, fake, 2))
    with pytest.raises(ValueError, match="fewer than two"):
        prdc(real, fake[:1], radii(real))


def test_balls_of_prdc_are_open():
    """Balls of 0 and 4 reach 4 exactly: -4 and 8 lie on their edges and so outside."""
    centres, edges = np.array([[0.0], [4.0]]), np.array([[-4.0], [8.0]])
    assert prdc(centres, edges, radii(centres, 1), k=1) == (0, 1, 0, 0)
    assert prdc(edges, centres, radii(edges, 1), k=1) == (1, 0, 2, 1)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_logit_that_is_no_number_ranks_last(bad):
    logits = np.array([[[bad, 1.0, 2.0], [3.0, 1.0, 2.0]]])
    assert position_of_class(logits, np.array([0])).tolist() == [[3, 0]]


def test_accuracy_counts_no_hit_where_logits_are_no_numbers():
    logits = torch.tensor([[1.0, torch.nan], [torch.nan, 0.0], [torch.inf, 0.0], [2.0, 1.0]])
    assert accuracy(logits, torch.tensor([1, 0, 0, 0])) == 0.25
