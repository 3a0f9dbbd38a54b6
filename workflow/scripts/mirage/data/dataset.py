"""What a data set is: whose photographs, how many channels, which split."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from mirage.data import readers
from mirage.data.readers import Photo
from mirage.data.splits import SplitRecipe
from mirage.errors import MirageError
from mirage.recipes import Recipe, require


@dataclass(frozen=True)
class IdentityRecipe(Recipe):
    """Which identities belong to the data set.

    The reader's identities, in order of first appearance, are permuted by
    ``RandomState(seed)``; a slice of the permutation is taken.

    Attributes:
        seed: of NumPy's legacy generator, in [0, 2^32).
        first: where the slice begins.
        count: its length; None goes to the end.
    """

    seed: int = 42
    first: int = 0
    count: int | None = None

    def __post_init__(self) -> None:
        require(0 <= self.seed < 2**32, "identities.seed", self.seed, "within [0, 2^32)")
        require(self.first >= 0, "identities.first", self.first, "at least 0")
        least = self.count is None or self.count >= 1
        require(least, "identities.count", self.count, "at least 1, or nothing for all the others")


@dataclass(frozen=True)
class DatasetRecipe(Recipe):
    """One data set.

    Attributes:
        reader: name of a registered reader.
        source: the data set's folder; None where the reader knows one itself.
        channels: 1 (grey) or 3 (RGB).
        identities: which identities; None takes all, in order of first appearance.
        split: how train and test are told apart; None trains on everything.
        min_images: fewest usable images an identity may have.
        on_broken: "stop" refuses a data set with unreadable files, naming all of them; "skip"
            goes on without them and lists them in the manifest. Skipping changes the number of
            images and with it the published split.
    """

    reader: str
    source: str | None = None
    channels: int = 3
    identities: IdentityRecipe | None = None
    split: SplitRecipe | None = None
    min_images: int = 1
    on_broken: Literal["stop", "skip"] = "stop"

    def __post_init__(self) -> None:
        known = readers.reader_names()
        require(self.reader in known, "reader", self.reader, f"one of {', '.join(known)}")
        require(self.channels in (1, 3), "channels", self.channels, "1 or 3")
        require(self.min_images >= 1, "min_images", self.min_images, "at least 1")

    @property
    def least_images(self) -> int:
        """Fewest images per identity that satisfy both ``min_images`` and the split's rule."""
        train = self.split.train if self.split else None
        return self.min_images if train is None else max(self.min_images, train + 1)


class Selection(NamedTuple):
    """The photographs of a data set and the people on them."""

    photos: list[Photo]
    """In the reader's order, whatever the order of the identities."""
    identities: list[str]
    """Position = label: order of the selection, so labels are 0..K-1."""


def select_photos(recipe: DatasetRecipe) -> Selection:
    """List the photographs of the chosen identities.

    Raises:
        MirageError: the source lacks something, fewer identities than asked for, or an identity
            with fewer than ``least_images`` files.
    """
    photos = readers.list_photos(recipe.reader, Path(recipe.source) if recipe.source else None)
    identities = list(dict.fromkeys(photo.identity for photo in photos))
    if recipe.identities is not None:
        identities = _choose(identities, recipe.identities)
    chosen = set(identities)
    photos = [photo for photo in photos if photo.identity in chosen]
    check_counts([photo.identity for photo in photos], identities, recipe.least_images)
    return Selection(photos, identities)


def _choose(identities: Sequence[str], recipe: IdentityRecipe) -> list[str]:
    order = np.random.RandomState(recipe.seed).permutation(len(identities))
    count = len(identities) - recipe.first if recipe.count is None else recipe.count
    last = recipe.first + count
    if count < 1 or last > len(identities):
        raise MirageError(
            f"identities {recipe.first} to {last - 1} are asked for, there are {len(identities)}",
            remedy="ask for fewer identities or complete the data set",
        )
    return [identities[position] for position in order[recipe.first : last]]


def check_counts(owners: Sequence[str], identities: Sequence[str], least: int) -> None:
    """Refuse identities with too few images.

    Args:
        owners: identity of each image.
        identities: all identities of the data set.
        least: fewest images allowed.

    Raises:
        MirageError: names every identity below ``least`` with its count.
    """
    counts = Counter(owners)
    short = [f"{name} has {counts[name]}" for name in identities if counts[name] < least]
    if short:
        raise MirageError(
            f"identities with too few images: {', '.join(short)}",
            f"at least {least} each (the larger of min_images and split.train + 1)",
            "add photographs, lower these settings or leave these identities out",
        )
