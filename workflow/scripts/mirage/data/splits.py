"""Train/test splits and samples-per-class subsets, as lists of indices in a fixed order.

The order inside a split is part of the result: subsets with n images per class are its first n.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np

from mirage import draws
from mirage.draws import PER_CELL
from mirage.errors import MirageError
from mirage.recipes import Recipe, require
from mirage.visible import listed

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    Indices = NDArray[np.int64]


class Split(NamedTuple):
    """Indices of train and test images, each int64 in its published order."""

    train: "Indices"
    test: "Indices"


@dataclass(frozen=True)
class SplitRecipe(Recipe):
    """How a data set is divided.

    Attributes:
        rule: "published", "per_identity" or "listed" (the data set's own lists or folders say).
        seed: of NumPy's legacy generator, in [0, 2^32), the same for every cell; or "cell": each
            cell divides the data set anew, with its own seed.
        train_share: for "published": share of all images used for training, within (0, 1).
        train: for "per_identity": training images of each identity, at least 1.
    """

    rule: Literal["published", "per_identity", "listed"]
    seed: int | Literal["cell"] = 42
    train_share: float | None = None
    train: int | None = None

    def __post_init__(self) -> None:
        fixed = isinstance(self.seed, int) and 0 <= self.seed < 2**32
        require(
            fixed or self.per_cell, "split.seed", self.seed, f"within [0, 2^32), or {PER_CELL!r}"
        )
        for setting, rule in (("train_share", "published"), ("train", "per_identity")):
            value, wanted = getattr(self, setting), self.rule == rule
            expected = "a value" if wanted else "not set"
            holds = (value is not None) == wanted
            require(holds, f"split.{setting} of rule {self.rule}", value, expected)
        share, train = self.train_share, self.train
        require(share is None or 0 < share < 1, "split.train_share", share, "within (0, 1)")
        require(train is None or train >= 1, "split.train", train, "at least 1")

    @property
    def per_cell(self) -> bool:
        """Whether each cell draws its own."""
        return self.seed == PER_CELL

    def drawn(self, cell_seed: int) -> "SplitRecipe":
        """The split of a cell with that seed."""
        return replace(self, seed=draws.settled(self.seed, cell_seed))


def split_indices(
    labels: "ArrayLike", recipe: SplitRecipe | None, listed: Sequence[str | None] = ()
) -> Split:
    """Divide a data set.

    Args:
        labels: label of each image, [N], in the data set's order.
        recipe: the rule; None trains on every image, in the data set's order (public data).
        listed: for the rule "listed": "train" or "test" of each image, as its reader read it.

    Raises:
        MirageError: the data set, or an identity, is too small for the rule; the rule is
            "listed" and nothing is; the split is still to be drawn by a cell.
    """
    values = np.asarray(labels, dtype=np.int64)
    if recipe is None:
        return Split(np.arange(len(values)), np.empty(0, dtype=np.int64))
    if recipe.rule == "listed":
        return _listed_split(listed)
    if not isinstance(recipe.seed, int):
        raise MirageError(
            "the split has no seed of its own; every cell draws another",
            "the seed of the cell that uses it",
        )
    random = np.random.RandomState(recipe.seed)
    if recipe.train_share is not None:
        return _published_split(len(values), recipe.train_share, random)
    return _per_identity_split(values, recipe.train or 0, random)


def _listed_split(listed: Sequence[str | None]) -> Split:
    parts = np.array(listed, dtype=object)
    if not np.isin(parts, ("train", "test")).all() or not len(parts):
        raise MirageError(
            "split.rule is 'listed', but the reader knows no lists for it",
            "a data set that comes with train and test",
            "choose another split.rule",
        )
    return Split(np.flatnonzero(parts == "train"), np.flatnonzero(parts == "test"))


def _published_split(images: int, train_share: float, random: np.random.RandomState) -> Split:
    """Split as the official code does, without stratification.

    The list of all indices is shuffled; its first int(train_share * N) entries are for training.

    Source: official code (quirk unstratified-split): seed 42, share 0.9, for FaceScrub and CelebA
    alike.
    """
    order = np.arange(images)
    random.shuffle(order)
    train = int(train_share * images)
    if not 0 < train < images:
        raise MirageError(
            f"{images} images cannot be split with train_share {train_share}",
            "at least one image for training and one for testing",
        )
    return Split(order[:train], order[train:])


def _per_identity_split(labels: "Indices", train: int, random: np.random.RandomState) -> Split:
    """Give every identity the same number of training images; the others are for testing.

    The images of each identity are permuted in turn, in the order of the labels. Train and test
    run through the identities in that order, too.
    """
    classes, counts = np.unique(labels, return_counts=True)
    _refuse_short(classes, counts, train + 1, f"{train} train and at least 1 test image per class")
    orders = [random.permutation(np.flatnonzero(labels == label)) for label in classes]
    return Split(
        np.concatenate([order[:train] for order in orders]),
        np.concatenate([order[train:] for order in orders]),
    )


def first_per_class(
    labels: "ArrayLike", order: "ArrayLike", n: int, allow_short: bool = False
) -> "Indices":
    """Take the first n training images of each class.

    Args:
        labels: label of every image, [N].
        order: indices of the training images in their published order.
        n: images wanted per class, at least 1.
        allow_short: take what there is of a class with fewer than n.

    Returns:
        int64 indices, in the published order.

    Raises:
        MirageError: a class among ``labels`` has fewer than n training images and ``allow_short``
            is false; all such are named with their counts.

    Source: paper C.3 gives n; which n images are taken is not published (quirk first-images).
    """
    require(n >= 1, "images per class", n, "at least 1")
    every, chosen = np.asarray(labels), np.asarray(order, dtype=np.int64)
    classes, own = np.unique(every), every[chosen]
    places = [np.flatnonzero(own == label) for label in classes]
    if not allow_short:
        counts = np.array([len(place) for place in places])
        _refuse_short(classes, counts, n, f"{n} train images per class")
    return np.take(chosen, np.sort(np.concatenate([place[:n] for place in places])))


def _refuse_short(classes: "Indices", counts: "Indices", least: int, expected: str) -> None:
    short = [f"class {k} has {c}" for k, c in zip(classes, counts, strict=True) if c < least]
    if short:
        raise MirageError(
            f"too few images: {listed(short)}", expected, "ask for fewer images per class"
        )
