"""Reader of ImageNette."""

from mirage.data.listing import Listing, Photo, Reader, Sources
from mirage.data.tree import IMAGE_SUFFIXES, Tree
from mirage.errors import MirageError
from mirage.visible import listed

_SPLITS = (("train", "train"), ("val", "test"))


def list_imagenette(sources: Sources) -> Listing:
    """List ImageNette: ``train/WNID/*`` and, for testing, ``val/WNID/*``.

    Order: the training images, then the others; in each, classes and then files by plain string
    comparison. Classes are WordNet ids in that order, as in torchvision (0 = n01440764, tench).
    Files without the ending of an image are left alone.

    Raises:
        MirageError: a folder is missing, a class is empty, train and val have other classes.
    """
    folder = sources["folder"]
    tree = Tree(folder, [name for name, _ in _SPLITS])
    classes = {split: tree.identities(name) for name, split in _SPLITS}
    if classes["train"] != classes["test"] or not classes["train"]:
        other = sorted(set(classes["train"]) ^ set(classes["test"]))
        raise MirageError(
            f"{folder}: train and val do not hold the same classes ({listed(other)})",
            "one folder per WordNet id in both",
            "unpack the archive again",
        )
    photos: list[Photo] = []
    for name, split in _SPLITS:
        for wnid in classes[split]:
            place = folder / name / wnid
            found = tree.photos(name, wnid, IMAGE_SUFFIXES)
            if not found:
                raise MirageError(f"{place} holds no images", remedy="unpack the archive again")
            photos += [Photo(f"{name}/{wnid}/{f}", wnid, place / f, split) for f in found]
    return Listing(photos, classes["train"], tree.left_alone)


READER = Reader(list_imagenette, ("folder",))
