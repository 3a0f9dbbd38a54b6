"""What a data set is: whose photographs, how many channels, which split."""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np

from mirage.data import readers
from mirage.data.face_crop import FaceCropRecipe
from mirage.data.listing import Photo, Sources
from mirage.data.passing import LeftAlone
from mirage.data.splits import SplitRecipe
from mirage.errors import MirageError
from mirage.recipes import Recipe, require
from mirage.visible import listed


@dataclass(frozen=True)
class IdentityRecipe(Recipe):
    """Which identities belong to the data set: a slice of them, put in an order.

    Attributes:
        rule: "shuffled" permutes the reader's identities by ``RandomState(seed)``;
            "most_images" puts those with the most photographs first, equal ones in the reader's
            order. Labels follow that order.
        seed: of NumPy's legacy generator, in [0, 2^32); for "shuffled".
        first: where the slice begins.
        count: its length; None goes to the end.
    """

    rule: Literal["shuffled", "most_images"] = "shuffled"
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
        source: the data set's folder, or role -> path where the reader needs several; None where
            it knows one itself.
        channels: 1 (grey) or 3 (RGB).
        classes: number of identities there must be; None takes what there is.
        identities: which identities; None takes all, in the reader's order.
        face_crop: how faces are cut out of the photographs; None takes all of each. Needs the
            source ``landmarks``.
        split: how train and test are told apart; None trains on everything.
        min_images: fewest usable images an identity may have.
        on_broken: "stop" refuses a data set with unreadable files, naming all of them; "skip"
            goes on without them and lists them in the manifest. Skipping changes the number of
            images and with it the published split.
        least_side: photographs with a shorter side, in pixels, are doubtful.
        greatest_ratio: photographs whose sides differ by a larger factor are doubtful. Doubtful
            ones stay in the data set, as in the published loaders, and are told.
    """

    reader: str
    source: str | Mapping[str, str] | None = None
    channels: int = 3
    classes: int | None = None
    identities: IdentityRecipe | None = None
    face_crop: FaceCropRecipe | None = None
    split: SplitRecipe | None = None
    min_images: int = 1
    on_broken: Literal["stop", "skip"] = "stop"
    least_side: int = 8
    greatest_ratio: float = 5.0

    def __post_init__(self) -> None:
        known = tuple(readers.READERS)
        require(self.reader in known, "reader", self.reader, f"one of {listed(known)}")
        require(self.channels in (1, 3), "channels", self.channels, "1 or 3")
        require(self.min_images >= 1, "min_images", self.min_images, "at least 1")
        require(self.least_side >= 1, "least_side", self.least_side, "at least 1 pixel")
        ratio = self.greatest_ratio
        require(1 <= ratio < math.inf, "greatest_ratio", ratio, "at least 1, and finite")

    @property
    def least_images(self) -> int:
        """Fewest images per identity that satisfy both ``min_images`` and the split's rule."""
        train = self.split.train if self.split else None
        return self.min_images if train is None else max(self.min_images, train + 1)

    @property
    def sources(self) -> Sources:
        """Where the reader reads, by role; a single place has the role ``folder``."""
        places = {"folder": self.source} if isinstance(self.source, str) else self.source or {}
        return {role: Path(place) for role, place in places.items()}


class Selection(NamedTuple):
    """The photographs of a data set and the people on them."""

    photos: list[Photo]
    """In the reader's order, whatever the order of the identities."""
    identities: list[str]
    """Position = label: order of the selection, so labels are 0..K-1."""
    left_alone: list[LeftAlone]
    """Files and folders the reader passed over, and why."""


def select_photos(recipe: DatasetRecipe) -> Selection:
    """List the photographs of the chosen identities.

    Raises:
        MirageError: the source lacks something, fewer identities than asked for, another number
            of them than ``classes``, or an identity with fewer than ``least_images`` files.
    """
    photos, identities, left_alone = readers.list_photos(recipe.reader, recipe.sources)
    if recipe.identities is not None:
        identities = _choose([photo.identity for photo in photos], identities, recipe.identities)
    if recipe.classes is not None and len(identities) != recipe.classes:
        places = ", ".join(map(str, recipe.sources.values())) or f"the reader {recipe.reader}"
        raise MirageError(
            f"{places}: {len(identities)} identities",
            f"{recipe.classes} (classes); with another number every label and result is another's",
            "complete the data set, or take away what does not belong to it",
        )
    chosen = set(identities)
    photos = [photo for photo in photos if photo.identity in chosen]
    missing = [photo.path for photo in photos if not photo.path.is_file()]
    if missing:
        raise MirageError(
            f"{len(missing)} of {len(photos)} listed photographs are missing or no files: "
            f"{listed(missing)}",
            "every photograph of the data set's lists",
            "unpack the archive again, or correct the folder",
        )
    check_counts([photo.identity for photo in photos], identities, recipe.least_images)
    return Selection(photos, identities, left_alone)


def _choose(owners: Sequence[str], identities: Sequence[str], recipe: IdentityRecipe) -> list[str]:
    if recipe.rule == "shuffled":
        places = np.random.RandomState(recipe.seed).permutation(len(identities))
        order = [identities[place] for place in places]
    else:
        # Equal ones keep the order of their first appearance in the identity file, since sorting
        # is stable (quirk identity-rank).
        counts = Counter(owners)
        order = sorted(identities, key=lambda identity: -counts[identity])
    count = len(order) - recipe.first if recipe.count is None else recipe.count
    last = recipe.first + count
    if count < 1 or last > len(order):
        raise MirageError(
            f"identities {recipe.first} to {last - 1} are asked for, there are {len(order)}",
            remedy="ask for fewer identities or complete the data set",
        )
    return order[recipe.first : last]


def check_counts(owners: Sequence[str], identities: Sequence[str], least: int) -> None:
    """Refuse identities with too few images; ``owners`` is the identity of each image.

    Raises:
        MirageError: names every identity below ``least`` with its count.
    """
    counts = Counter(owners)
    short = [f"{name} has {counts[name]}" for name in identities if counts[name] < least]
    if short:
        raise MirageError(
            f"identities with too few images: {listed(short)}",
            f"at least {least} each (the larger of min_images and split.train + 1)",
            "add photographs, lower these settings or leave these identities out",
        )
