"""Reader of ImageNette."""

from mirage.data.listing import Listing, Reader, Sources, by_first_appearance
from mirage.data.tree import IMAGE_SUFFIXES, Tree
from mirage.errors import MirageError
from mirage.visible import listed


def list_imagenette(sources: Sources) -> Listing:
    """List ImageNette: ``train/WNID/*`` and, for testing, ``val/WNID/*``.

    Order: the training images, then the others; in each, classes and then files by plain string
    comparison. Classes are WordNet ids in that order, as in torchvision (0 = n01440764, tench).
    Files without the ending of an image are left alone.

    Raises:
        MirageError: a folder is missing, a class is empty, train and val have other classes.
    """
    tree = Tree(sources["folder"], ["train", "val"])
    train = by_first_appearance(tree.photos("train", IMAGE_SUFFIXES, "train"))
    test = by_first_appearance(tree.photos("val", IMAGE_SUFFIXES, "test"))
    if train.identities != test.identities:
        other = sorted(set(train.identities) ^ set(test.identities))
        raise MirageError(
            f"{tree.root}: train and val do not hold the same classes ({listed(other)})",
            "one folder per WordNet id in both",
            "unpack the archive again",
        )
    return Listing(train.photos + test.photos, train.identities, tree.left_alone)


READER = Reader(list_imagenette, ("folder",))
