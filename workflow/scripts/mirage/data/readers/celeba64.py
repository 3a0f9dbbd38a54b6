"""Reader of CelebA at 64 px: the people and lists of the low-resolution attacks."""

from collections import Counter
from pathlib import Path

from mirage.data import lists
from mirage.data.listing import Listing, Photo, Reader, Sources
from mirage.data.readers.celeba import PhotoFinder, read_identities
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
    find, numbers = finder(sources), numbers_of(sources)
    people: dict[int, str] = {}
    photos: list[Photo] = []
    for list_name, split in ((TRAIN, "train"), (TEST, "test")):
        path = sources["lists"] / list_name
        for name, (listed,) in lists.read_names(path, ("whole number",)).items():
            photo = find(name)
            identity, label = number_in(numbers, name, path), int(listed)
            if people.setdefault(label, identity) != identity:
                raise MirageError(
                    f"{path}: {name} has label {label} and shows {identity}, "
                    f"other photographs with this label show {people[label]}",
                    "one person per label",
                    "take the lists and identity_CelebA.txt as published",
                )
            photos.append(Photo(photo.name, identity, photo, split))
    _check(photos, people, sources["lists"])
    return Listing(photos, [people[label] for label in sorted(people)], [])


def finder(sources: Sources) -> PhotoFinder:
    """What finds the photographs; the folder of the lists must be there, too."""
    folder_at(sources["lists"])
    return PhotoFinder(sources["images"])


def numbers_of(sources: Sources) -> dict[str, str]:
    """CelebA's identity numbers by the stem of a file's name."""
    return {Path(name).stem: number for name, number in read_identities(sources).items()}


def number_in(numbers: dict[str, str], name: str, path: Path) -> str:
    """CelebA's identity number of a file that a list names.

    Raises:
        MirageError: CelebA knows no such file.
    """
    number = numbers.get(Path(name).stem)
    if number is None:
        raise MirageError(
            f"{path}: {name} is not in CelebA's identity file",
            "lists and identity file of the same CelebA",
        )
    return number


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
