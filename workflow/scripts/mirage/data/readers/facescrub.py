"""Reader of FaceScrub."""

from mirage.data.readers.registry import Listing, Photo, Sources, by_first_appearance, reader
from mirage.data.readers.tree import IMAGE_SUFFIXES, files_below, folder_at, folders_in
from mirage.errors import MirageError
from mirage.visible import listed

_GROUPS = ("actors", "actresses")


@reader("facescrub", "folder")
def list_facescrub(sources: Sources) -> Listing:
    """List the face crops of FaceScrub: ``actors/faces/NAME/*`` and ``actresses/faces/NAME/*``.

    Order: actors, then actresses; in each group people by plain string comparison, then the
    files of each the same way. So labels 0-264 are the actors and 265-529 the actresses of the
    full data set, as in the official code, which joins two of torchvision's ``ImageFolder``
    (facts, section 1). As there, files without the ending of an image (``Thumbs.db``) are
    passed over; they are listed as left alone. Deviation: hidden files and folders (``._a.jpg``
    of some archives) are passed over, too; no image of the data set has such a name.

    Raises:
        MirageError: a folder is missing, people without photographs, one name in both groups.
    """
    folder = folder_at(sources["folder"])
    photos: list[Photo] = []
    left_alone: list[str] = []
    group_of: dict[str, str] = {}
    empty: list[str] = []
    for group in _GROUPS:
        faces = folder / group / "faces"
        if not faces.is_dir():
            raise MirageError(
                f"{faces} is no folder",
                f"{_GROUPS[0]}/faces and {_GROUPS[1]}/faces below {folder}, one folder per person",
                "put the face crops there (the folders `images` hold whole photographs)",
            )
        for person in folders_in(faces):
            if person in group_of:
                raise MirageError(f"{folder} has {person} among actors and actresses", "one place")
            group_of[person] = group
            found = files_below(faces / person, IMAGE_SUFFIXES)
            below = f"{group}/faces/{person}"
            photos += [
                Photo(f"{below}/{name}", person, faces / person / name) for name in found.photos
            ]
            left_alone += [f"{below}/{name}" for name in found.others]
            if not found.photos:
                empty.append(below)
    if empty:
        raise MirageError(
            f"{folder} has people without photographs: {listed(empty)}",
            f"in each at least one file ending in {listed(IMAGE_SUFFIXES)}",
            "add photographs; with a person less, labels and results are others",
        )
    return by_first_appearance(photos, left_alone)
