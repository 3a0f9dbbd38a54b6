"""Reader of FaceScrub."""

from mirage.data.listing import Listing, Reader, Sources, by_first_appearance
from mirage.data.tree import IMAGE_SUFFIXES, Tree
from mirage.errors import MirageError
from mirage.visible import listed

_GROUPS = ("actors", "actresses")


def list_facescrub(sources: Sources) -> Listing:
    """List the face crops of FaceScrub: ``actors/faces/NAME/*`` and ``actresses/faces/NAME/*``.

    Order: actors, then actresses; in each group people by plain string comparison, then the
    files of each the same way. So labels 0-264 are the actors and 265-529 the actresses of the
    full data set, as in the official code, which joins two of torchvision's ``ImageFolder``
    (quirk actors-first). As there, files without the ending of an image (``Thumbs.db``) are
    passed over; they are listed as left alone. Deviation: what is hidden or a system's own
    (``._a.jpg``, ``__MACOSX``) is left alone, too, and nothing is read under two names; no image
    of the data set has such a name.

    Raises:
        MirageError: a folder is missing, people without photographs, one name in both groups.
    """
    folder = sources["folder"]
    starts = [f"{group}/faces" for group in _GROUPS]
    for start in starts:
        if not (folder / start).is_dir():
            raise MirageError(
                f"{folder / start} is no folder",
                f"{_GROUPS[0]}/faces and {_GROUPS[1]}/faces below {folder}, one folder per person",
                "put the face crops there (the folders `images` hold whole photographs)",
            )
    tree = Tree(folder, starts)
    actors, actresses = (tree.photos(start, IMAGE_SUFFIXES) for start in starts)
    twice = {photo.identity for photo in actors} & {photo.identity for photo in actresses}
    if twice:
        raise MirageError(
            f"{folder} has {listed(sorted(twice))} among actors and actresses", "one place"
        )
    return by_first_appearance(actors + actresses, tree.left_alone)


READER = Reader(list_facescrub, ("folder",))
