"""Reader of CelebA at 64 px: the people and lists of the low-resolution attacks."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path

from mirage.data import lists
from mirage.data.listing import Listing, Photo, Reader, Sources
from mirage.data.readers.celeba import finder, read_identities
from mirage.data.tree import folder_at
from mirage.errors import MirageError

ROLES = ("images", "lists", "identities")
TRAIN, TEST = "trainset.txt", "testset.txt"


def list_private(sources: Sources) -> Listing:
    """List the private people: train and test as listed, labels as listed.

    Order: the lines of the training list, then those of the test list. Identities carry CelebA's
    numbers, so that other data sets can be held against them.

    Args:
        sources: ``images``, the folder of the aligned photographs; ``lists``, the folder of
            ``trainset.txt`` and ``testset.txt`` (file name and label a line); ``identities``,
            CelebA's ``identity_CelebA.txt``.

    Raises:
        MirageError: a source is missing, a damaged line, a photograph in both lists, a label of
            two people or a person with two labels, labels that are not 0 to K-1.

    Source: lists as published with the low-resolution attacks (quirk low-resolution-lists); the
    names in them end in ``.png``, CelebA's photographs in ``.jpg``.
    """
    people: dict[int, str] = {}
    photos: list[Photo] = []
    for list_name, split in ((TRAIN, "train"), (TEST, "test")):
        for photo, (listed,) in listed_photos(sources, list_name, ("whole number",)):
            label, identity = int(listed), photo.identity
            if people.setdefault(label, identity) != identity:
                raise MirageError(
                    f"{list_name}: {photo.name} has label {label} and shows {identity}, "
                    f"other photographs with this label show {people[label]}",
                    "one person per label",
                    "take the lists and identity_CelebA.txt as published",
                )
            photos.append(photo._replace(split=split))
    _check(photos, people, sources["lists"])
    return Listing(photos, [people[label] for label in sorted(people)], [])


def listed_photos(
    sources: Sources, list_name: str, kinds: Sequence[str] = ()
) -> Iterator[tuple[Photo, list[str]]]:
    """Yield the photographs of one of the lists, with the values that stand beside them.

    Raises:
        MirageError: a source is missing, a damaged line, or CelebA knows no such file.
    """
    path, find = folder_at(sources["lists"]) / list_name, finder(sources["images"])
    numbers = {Path(name).stem: number for name, number in read_identities(sources).items()}
    for name, values in lists.read_names(path, kinds).items():
        photo, number = find(name), numbers.get(Path(name).stem)
        if number is None:
            raise MirageError(
                f"{path}: {name} is not in CelebA's identity file",
                "lists and identity file of the same CelebA",
            )
        yield Photo(photo.name, number, photo), values


def _check(photos: list[Photo], people: dict[int, str], folder: Path) -> None:
    if sorted(people) != list(range(len(people))):
        raise MirageError(f"{folder}: the labels have gaps", f"0 to {len(people) - 1}")
    for name, times in Counter(photo.name for photo in photos).items():
        if times > 1:
            raise MirageError(f"{folder}: {name} is in {TRAIN} and {TEST}", "one of them")
    for identity, times in Counter(people.values()).items():
        if times > 1:
            raise MirageError(f"{folder}: person {identity} has {times} labels", "one per person")


READER = Reader(list_private, ROLES)
