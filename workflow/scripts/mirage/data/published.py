"""How a store differs from the one the paper's numbers were made from, in plain words."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from mirage.data.store import Store
from mirage.recipes import Recipe, require

_CONSEQUENCES = {
    "published": (
        "The split shuffles the positions of all images, so with another number of them other "
        "photographs are for training and for testing. The tables can be made; targets, "
        "accuracies and distances are those of this split, and small differences from the "
        "printed numbers mean nothing"
    ),
    "listed": "Lists or photographs are not those of the paper: numbers are not comparable",
}


@dataclass(frozen=True)
class Published(Recipe):
    """Counts of the paper's authors as (least, most); None where nothing is known.

    Attributes:
        images: usable images.
        train: training images.
        test: test images.
    """

    images: tuple[int, int] | None = None
    train: tuple[int, int] | None = None
    test: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        for name in ("images", "train", "test"):
            bounds = getattr(self, name)
            ordered = bounds is None or 0 <= bounds[0] <= bounds[1]
            require(ordered, f"published.{name}", bounds, "least and most, in this order")


def differences(store: Store, published: Published) -> Iterator[str]:
    """Say what differs from the published data set and what follows; nothing if nothing does."""
    parts = {
        "images": (len(store), published.images),
        "training images": (len(store.members("train")), published.train),
        "test images": (len(store.members("test")), published.test),
    }
    told = [
        f"{found:,} {what}, the paper's authors had {_range(*bounds)}: {_gap(found, *bounds)}"
        for what, (found, bounds) in parts.items()
        if bounds is not None and not bounds[0] <= found <= bounds[1]
    ]
    if not told:
        return
    split = store.manifest["recipe"]["split"]
    yield f"{'; '.join(told)}. {_CONSEQUENCES.get(split['rule'] if split else 'listed', '')}"
    label, count = min(Counter(store.labels.tolist()).items(), key=lambda item: item[::-1])
    yield f"the fewest images are of {store.identities[label]}: {count}"
    lost = len(store.manifest["problems"])
    if lost:
        yield f"{lost} of the missing images are files that cannot be used, listed here"


def _range(least: int, most: int) -> str:
    return f"{least:,}" if least == most else f"{least:,} to {most:,}"


def _gap(found: int, least: int, most: int) -> str:
    if found < least:
        return f"{_range(least - found, most - found)} fewer"
    return f"{_range(found - most, found - least)} more"
