"""Distances in feature space, t-SNE and what stands beside it: against SciPy and by hand."""

import numpy as np
import pytest
import torch
from mirage.errors import MirageError
from mirage.evaluation.measures.embeddings import layout
from mirage.evaluation.measures.embeddings.neighbours import neighbours
from mirage.evaluation.measures.embeddings.recipe import EmbeddingsRecipe
from scipy.spatial.distance import cdist

SIZES = (7, 1, 4, 12, 2)


def _people(offset=0.0, scale=1.0, seed=0):
    """Features of classes of several sizes, in no order."""
    stream = torch.Generator().manual_seed(seed)
    labels = torch.arange(len(SIZES)).repeat_interleave(torch.tensor(SIZES))
    labels = labels[torch.randperm(len(labels), generator=stream)]
    centres = 3 * torch.randn(len(SIZES), 9, generator=stream)
    features = centres[labels] + torch.randn(len(labels), 9, generator=stream)
    return (scale * features + offset), labels


def _by_rows(features, labels):
    """The same, image by image, from SciPy's distances."""
    far, labels = cdist(features.double(), features.double()), labels.numpy()
    rows = []
    for image, distances in enumerate(far):
        own = (labels == labels[image]) & (np.arange(len(labels)) != image)
        other = distances[labels != labels[image]]
        mine = distances[own] if own.any() else np.array([np.nan])
        rows.append([mine.mean(), other.mean(), mine.min(), other.min()])
    return np.array(rows).T, far.max()


@pytest.mark.parametrize("block", [1, 5, 26, 1000])
def test_distances_are_those_of_scipy(block):
    features, labels = _people()
    found = neighbours(features, labels, block=block)
    rows, largest = _by_rows(features, labels)
    for ours, theirs in zip(found[:-1], rows, strict=True):
        assert ours.dtype == torch.float64
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-12)
    assert found.largest == pytest.approx(largest, rel=1e-13)
    assert found.own_mean.isnan().sum() == found.own_nearest.isnan().sum() == 1


def test_near_duplicates_far_from_the_origin_keep_their_distance():
    features, labels = _people(offset=3000.0, scale=4.0)
    features[1] = features[0]
    features[1, 0] += 2.0**-10  # the next float32 but two
    labels[1] = labels[0]
    found = neighbours(features, labels)
    assert found.own_nearest[0].item() == pytest.approx(2.0**-10, rel=1e-3)
    rows, _ = _by_rows(features, labels)
    np.testing.assert_allclose(found.own_nearest.numpy(), rows[2], rtol=1e-3)
    np.testing.assert_allclose(found.own_mean.numpy(), rows[0], rtol=1e-9)


def test_equal_images_are_at_distance_zero_and_no_neighbours_of_themselves():
    features = torch.tensor([[0.0, 0], [0, 0], [3, 4], [6, 8]])
    found = neighbours(features, torch.tensor([0, 0, 0, 1]))
    assert found.own_nearest.tolist()[:3] == pytest.approx([0, 0, 5])
    assert found.own_mean.tolist()[:3] == pytest.approx([2.5, 2.5, 5])
    assert found.other_mean.tolist() == pytest.approx([10, 10, 5, 25 / 3])
    assert found.other_nearest.tolist() == pytest.approx([10, 10, 5, 5])
    assert found.largest == pytest.approx(10)


def test_shown_classes_stand_at_equal_steps():
    labels = np.repeat(np.arange(530), 2)
    shown = labels[layout.shown_rows(labels, 530, 100)]
    assert np.unique(shown).tolist() == list(range(0, 500, 5))
    assert (np.unique(shown) < 265).sum() == 53  # actors, of 100
    assert len(layout.shown_rows(labels, 530, 1000)) == len(labels)
    assert np.unique(labels[layout.shown_rows(labels, 530, 400)]).tolist() == list(range(400))


def test_separation_by_hand():
    features = np.array([[0.0], [1], [2], [10], [11], [1.5]])
    labels = np.array([0, 0, 0, 1, 1, 1])
    found = layout.separation(features, labels, 2)
    # Nearest two of each: 1 and 1.5; 2 or 0 and 1.5 ...
    near = [(1, 5), (5, 0), (5, 1), (4, 2), (3, 2), (1, 2)]
    same = [labels[own] == labels[image] for image, pair in enumerate(near) for own in pair]
    assert found["purity"] == pytest.approx(np.mean(same))
    values = []
    for image, own in enumerate(labels):
        far = np.abs(features[:, 0] - features[image, 0])
        a = far[labels == own].sum() / ((labels == own).sum() - 1)
        b = far[labels != own].mean()
        values.append((b - a) / max(a, b))
    assert found["silhouette"] == pytest.approx(np.mean(values))


def test_tsne_repeats_itself_and_keeps_neighbours_together():
    features, labels = _people()
    recipe = EmbeddingsRecipe(perplexity=5, iterations=500, components=4)
    first, again = (layout.layout(features.numpy(), recipe) for _ in range(2))
    assert first.shape == (len(labels), 2)
    assert np.array_equal(first, again)
    other = layout.layout(features.numpy(), EmbeddingsRecipe(perplexity=8, iterations=500))
    assert not np.allclose(first, other)
    sizes = np.array(SIZES)[labels.numpy()]
    kept = sizes > 3
    found = layout.separation(first[kept], labels.numpy()[kept], 3)
    assert found["purity"] > 0.9


def test_too_few_images_for_the_perplexity_are_told():
    with pytest.raises(MirageError, match="perplexity 30"):
        layout.layout(np.zeros((30, 4)), EmbeddingsRecipe())
