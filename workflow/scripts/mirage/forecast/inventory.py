"""How many images a data set has, before it is there and after."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from mirage.errors import MirageError
from mirage.runtime import files
from mirage.study.cells import Target
from mirage.study.study import Study

_PER_IDENTITY = 30  # of a data set nothing is known about
_STORED_BYTES = 150_000


class Images(NamedTuple):
    """Sizes of a data set.

    Attributes:
        train: training images.
        test: test images.
        stored_bytes: decoded pixels of all images.
        counted: whether a prepared store says so; else it is the published or an assumed size.
    """

    train: int
    test: int
    stored_bytes: int
    counted: bool

    @property
    def total(self) -> int:
        """All images."""
        return self.train + self.test


def images_of(study: Study, dataset: str, known: Mapping[str, Any], results: Path | None) -> Images:
    """Sizes of one data set.

    Args:
        study: names the data set's reader and split.
        dataset: its name.
        known: reader -> sizes of its images (``workflow/presets/forecast/datasets.yaml``). Their
            number is the published one of the configuration, the larger where it gives a range.
        results: folder in which a prepared store may lie; None if there is none yet.
    """
    counted = None if results is None else _counted(results / "data" / dataset / "manifest.json")
    if counted is not None:
        return counted
    entry = study.dataset(dataset)
    size = known.get(entry["recipe"]["reader"], {})
    published = {key: counts[1] for key, counts in entry.get("published", {}).items()}
    classes = study.classes(dataset)
    assumed = round(size.get("per_identity", _PER_IDENTITY) * classes)
    total = published.get("images", assumed)
    split = entry["recipe"].get("split", {})
    if "train" in split:
        train = split["train"] * classes
    elif "train_share" in split and not published:
        train = int(split["train_share"] * total)
    else:
        train = published.get("train", total - published.get("test", 0))
    stored = total * size.get("stored_bytes", _STORED_BYTES)
    return Images(train, total - train, stored, False)


def _counted(manifest: Path) -> Images | None:
    """Sizes of a prepared store; None without one, or if it is damaged: its reader says so."""
    if not manifest.exists():
        return None
    try:
        held = files.read_json(manifest)
        return Images(held["train"], held["test"], held["pixel_bytes"], True)
    except (MirageError, KeyError, TypeError):
        return None


def train_images(study: Study, target: Target, images: Images) -> int:
    """Images a target is trained on."""
    if target.samples is None:
        return images.train
    return min(target.samples * study.classes(target.dataset), images.train)
