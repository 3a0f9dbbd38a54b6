"""Reader of the public photographs of CelebA at 64 px, which show nobody private."""

from mirage.data import lists
from mirage.data.listing import Listing, Photo, Reader, Sources, by_first_appearance
from mirage.data.readers.celeba64 import ROLES, finder, number_in, numbers_of

PUBLIC = "ganset.txt"


def list_public(sources: Sources) -> Listing:
    """List the public photographs, on which priors are trained, in the order of ``ganset.txt``.

    Raises:
        MirageError: a source is missing, or a damaged line, which is named.
    """
    find, numbers = finder(sources), numbers_of(sources)
    path = sources["lists"] / PUBLIC
    photos = []
    for name in lists.read_names(path):
        photo = find(name)
        photos.append(Photo(photo.name, number_in(numbers, name, path), photo))
    return by_first_appearance(photos)


READER = Reader(list_public, ROLES)
