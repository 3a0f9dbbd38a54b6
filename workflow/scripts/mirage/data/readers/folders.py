"""Reader of any folder that holds one folder of photographs per identity."""

from mirage.data.listing import Listing, Photo, Reader, Sources, by_first_appearance
from mirage.data.tree import Tree, folder_at
from mirage.errors import MirageError
from mirage.visible import listed


def list_folders(sources: Sources) -> Listing:
    """List a folder that holds one folder of photographs per identity.

    Order: that of torchvision's ``ImageFolder``, see ``tree``. Every file that is not hidden or a
    system's own counts as a photograph: one that is no image is reported by the decoding instead
    of being passed over.

    Raises:
        MirageError: the folder is missing, holds no folders, or some of them are empty.
    """
    folder = folder_at(sources["folder"])
    tree = Tree(folder)
    photos: list[Photo] = []
    empty: list[str] = []
    for identity in tree.identities():
        names = tree.photos(".", identity)
        if not names:
            empty.append(identity)
        photos += [
            Photo(f"{identity}/{name}", identity, folder / identity / name) for name in names
        ]
    if not photos and not empty:
        raise MirageError(f"{folder} holds no folders", "one folder per identity")
    if empty:
        raise MirageError(
            f"{folder} has identities without photographs: {listed(empty)}",
            "at least one file in each",
            "add photographs or remove the empty folders",
        )
    return by_first_appearance(photos, tree.left_alone)


READER = Reader(list_folders, ("folder",))
