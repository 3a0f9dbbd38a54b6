"""Reader of the public photographs of CelebA at 64 px, which show nobody private."""

from mirage.data.listing import Listing, Reader, Sources, by_first_appearance
from mirage.data.readers.celeba64 import ROLES, listed_photos

PUBLIC = "ganset.txt"


def list_public(sources: Sources) -> Listing:
    """List the public photographs, on which priors are trained, in the order of ``ganset.txt``.

    Raises:
        MirageError: a source is missing, or a damaged line, which is named.
    """
    return by_first_appearance([photo for photo, _ in listed_photos(sources, PUBLIC)])


READER = Reader(list_public, ROLES)
