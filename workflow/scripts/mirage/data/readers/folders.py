"""Reader of any folder that holds one folder of photographs per identity."""

from mirage.data.listing import Listing, Reader, Sources, by_first_appearance
from mirage.data.tree import Tree


def list_folders(sources: Sources) -> Listing:
    """List a folder that holds one folder of photographs per identity.

    Order: that of torchvision's ``ImageFolder``, see ``tree``. Every file that is not hidden or a
    system's own counts as a photograph: one that is no image is reported by the decoding instead
    of being passed over.

    Raises:
        MirageError: the folder is missing, holds no folders, or some of them are empty.
    """
    tree = Tree(sources["folder"])
    return by_first_appearance(tree.photos(), tree.left_alone)


READER = Reader(list_folders, ("folder",))
