"""Splits and subsets against literal re-statements of their rules."""

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mirage.data.splits import SplitRecipe, first_per_class, split_indices
from mirage.errors import MirageError

PUBLISHED = SplitRecipe("published", seed=42, train_share=0.9)
LABELS = st.lists(st.integers(0, 6), min_size=2, max_size=120)


@pytest.mark.parametrize("count", [10, 240, 37_876])
def test_published_split_is_the_shuffled_list(count):
    indices = list(range(count))
    state = np.random.get_state()
    np.random.seed(42)
    np.random.shuffle(indices)
    np.random.set_state(state)
    split = split_indices(np.zeros(count, dtype=int), PUBLISHED)
    assert split.train.tolist() == indices[: int(0.9 * count)]
    assert split.test.tolist() == indices[int(0.9 * count) :]


def test_published_sizes_of_facescrub():
    # Every rate in the paper is k / 3788, which bounds the number of images.
    sizes = {len(split_indices(np.zeros(n, dtype=int), PUBLISHED).test) for n in (37871, 37880)}
    assert sizes == {3788}


def test_global_random_state_is_left_alone():
    before = np.random.get_state()[1].tolist()
    split_indices(np.zeros(50, dtype=int), PUBLISHED)
    split_indices(np.repeat([0, 1], 9), SplitRecipe("per_identity", train=7))
    assert np.random.get_state()[1].tolist() == before


def test_per_identity_literally():
    labels = np.array([1, 0, 1, 2, 0, 2, 1, 0, 2, 0])
    state = np.random.RandomState(5)
    train, test = [], []
    for label in (0, 1, 2):
        own = state.permutation([i for i in range(10) if labels[i] == label]).tolist()
        train += own[:2]
        test += own[2:]
    split = split_indices(labels, SplitRecipe("per_identity", seed=5, train=2))
    assert (split.train.tolist(), split.test.tolist()) == (train, test)


@settings(max_examples=50, deadline=None)
@given(LABELS, st.integers(0, 2**32 - 1), st.floats(0.05, 0.95))
def test_published_partition(labels, seed, share):
    recipe = SplitRecipe("published", seed=seed, train_share=share)
    if not 0 < int(share * len(labels)) < len(labels):
        with pytest.raises(MirageError, match="cannot be split"):
            split_indices(labels, recipe)
        return
    split, again = split_indices(labels, recipe), split_indices(labels, recipe)
    assert sorted([*split.train, *split.test]) == list(range(len(labels)))
    assert len(split.train) == int(share * len(labels))
    assert split.train.tolist() == again.train.tolist()
    assert split.test.tolist() == again.test.tolist()


@settings(max_examples=50, deadline=None)
@given(LABELS, st.integers(0, 2**32 - 1), st.integers(1, 8))
def test_per_identity_partition(labels, seed, train):
    recipe = SplitRecipe("per_identity", seed=seed, train=train)
    counts = {label: labels.count(label) for label in labels}
    if min(counts.values()) <= train:
        short = min(label for label in counts if counts[label] <= train)
        with pytest.raises(MirageError, match=f"class {short} has {counts[short]}"):
            split_indices(labels, recipe)
        return
    split = split_indices(labels, recipe)
    assert sorted([*split.train, *split.test]) == list(range(len(labels)))
    own = [labels[i] for i in split.train]
    assert own == sorted(own)
    assert all(own.count(label) == train for label in counts)


def test_no_rule_trains_on_everything():
    split = split_indices([2, 0, 1], None)
    assert split.train.tolist() == [0, 1, 2]
    assert split.test.tolist() == []


@settings(max_examples=80, deadline=None)
@given(LABELS, st.integers(1, 9), st.randoms(use_true_random=False))
def test_first_per_class_literally(labels, n, shuffler: random.Random):
    order = list(range(len(labels)))
    shuffler.shuffle(order)
    order = order[: max(1, len(order) * 4 // 5)]
    taken: dict[int, int] = dict.fromkeys(labels, 0)
    expected = []
    for index in order:
        if taken[labels[index]] < n:
            taken[labels[index]] += 1
            expected.append(index)
    assert first_per_class(labels, order, n, allow_short=True).tolist() == expected
    if min(taken.values()) == n:
        assert first_per_class(labels, order, n).tolist() == expected
    else:
        with pytest.raises(MirageError, match="too few images"):
            first_per_class(labels, order, n)


def test_first_per_class_names_short_classes_even_without_any_train_image():
    with pytest.raises(MirageError, match=r"class 1 has 1, class 2 has 0.*2 train images"):
        first_per_class([0, 0, 1, 2], [0, 1, 2], 2)
    assert first_per_class([0, 0, 1, 2], [2, 1, 0], 2, allow_short=True).tolist() == [2, 1, 0]


def test_subsets_are_nested():
    labels = np.arange(300) % 7
    order = np.random.RandomState(1).permutation(300)[:250]
    smaller = set(first_per_class(labels, order, 5).tolist())
    assert smaller < set(first_per_class(labels, order, 10).tolist())


def test_a_split_per_cell_is_drawn_with_the_cells_seed():
    labels = np.repeat([0, 1, 2], 6)
    recipe = SplitRecipe("per_identity", seed="cell", train=2)
    assert recipe.per_cell
    own = SplitRecipe("per_identity", seed=9, train=2)
    assert recipe.drawn(9) == own
    assert own.drawn(4) == own
    with pytest.raises(MirageError, match="every cell draws another"):
        split_indices(labels, recipe)


@pytest.mark.parametrize("seed", ["seed", -1, 2**32, 1.5])
def test_impossible_seeds(seed):
    with pytest.raises(MirageError, match=r"split\.seed"):
        SplitRecipe("per_identity", seed=seed, train=2)
