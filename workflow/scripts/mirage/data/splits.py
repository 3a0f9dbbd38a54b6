"""Train/test splits and samples-per-class subsets, as lists of indices in a fixed order.

The order inside a split is part of the result: subsets with n images per class are its first n.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

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


LISTED = "listed"
"""The split rule that draws nothing."""


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
        wanted = _RULES[self.rule].setting if self.rule in _RULES else None
        for setting in ("train_share", "train"):
            value = getattr(self, setting)
            expected = "a value" if setting == wanted else "not set"
            require(
                (value is not None) == (setting == wanted),
                f"split.{setting} of rule {self.rule}", value, expected,
            )  # fmt: skip
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


class _Rule(NamedTuple):
    divide: Callable[["Indices", Any, int], Split]
    setting: str


_RULES: dict[str, _Rule] = {}
_Divide = Callable[["Indices", Any, int], Split]


def _rule(name: str, setting: str) -> Callable[[_Divide], _Divide]:
    def register(function: _Divide) -> _Divide:
        _RULES[name] = _Rule(function, setting)
        return function

    return register


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
    if recipe.rule == LISTED:
        return _listed_split(listed)
    if not isinstance(recipe.seed, int):
        raise MirageError(
            "the split has no seed of its own; every cell draws another",
            "the seed of the cell that uses it",
        )
    rule = _RULES[recipe.rule]
    return rule.divide(values, getattr(recipe, rule.setting), recipe.seed)


def _listed_split(listed: Sequence[str | None]) -> Split:
    parts = np.array(listed, dtype=object)
    if not np.isin(parts, ("train", "test")).all() or not len(parts):
        raise MirageError(
            "split.rule is 'listed', but the reader knows no lists for it",
            "a data set that comes with train and test",
            "choose another split.rule",
        )
    return Split(np.flatnonzero(parts == "train"), np.flatnonzero(parts == "test"))


@_rule("published", setting="train_share")
def published_split(labels: "Indices", train_share: float, seed: int = 42) -> Split:
    """Split as the official code does, without stratification.

    The list of all indices is shuffled by NumPy's legacy generator; its first
    int(train_share * N) entries are for training, the others for testing.

    Source: official code (quirk unstratified-split): seed 42, share 0.9, for FaceScrub and CelebA
    alike.

    Raises:
        MirageError: train or test would be empty.
    """
    order = np.arange(len(labels))
    np.random.RandomState(seed).shuffle(order)
    train = int(train_share * len(order))
    if not 0 < train < len(order):
        raise MirageError(
            f"{len(order)} images cannot be split with train_share {train_share}",
            "at least one image for training and one for testing",
        )
    return Split(order[:train], order[train:])


@_rule("per_identity", setting="train")
def per_identity_split(labels: "Indices", train: int, seed: int = 42) -> Split:
    """Give every identity the same number of training images; the others are for testing.

    One legacy generator permutes the images of each identity in turn, in the order of the
    labels. Train and test run through the identities in that order, too.

    Raises:
        MirageError: an identity has no more than ``train`` images; all such are named.
    """
    random = np.random.RandomState(seed)
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
    own = every[chosen]
    if not allow_short:
        classes = np.unique(every)
        counts = np.array([np.count_nonzero(own == label) for label in classes])
        _refuse_short(classes, counts, n, f"{n} train images per class")
    by_class = np.argsort(own, kind="stable")
    grouped = own[by_class]
    rank = np.empty(len(own), dtype=np.int64)
    rank[by_class] = np.arange(len(own)) - np.searchsorted(grouped, grouped)
    return chosen[rank < n]


def _refuse_short(classes: "Indices", counts: "Indices", least: int, expected: str) -> None:
    short = [f"class {k} has {c}" for k, c in zip(classes, counts, strict=True) if c < least]
    if short:
        raise MirageError(
            f"too few images: {listed(short)}", expected, "ask for fewer images per class"
        )
