"""Reader of CelebA: all photographs with their identities."""

import os
from collections.abc import Callable
from pathlib import Path, PurePath

from mirage.data import lists
from mirage.data.listing import Listing, Photo, Reader, Sources, by_first_appearance
from mirage.data.tree import folder_at


def list_celeba(sources: Sources) -> Listing:
    """List CelebA in the order of its identity file, which is that of the file names.

    The paper's 1,000 identities are a selection from this list (``IdentityRecipe``). A photograph
    may also lie there as ``.png``, as in the official code: crops made beforehand.

    Args:
        sources: ``images``, the folder of photographs; ``identities``, the file
            ``identity_CelebA.txt``; ``landmarks``, used by the crop alone.

    Raises:
        MirageError: a source is missing, or a damaged line, which is named.
    """
    find = finder(sources["images"])
    photos = [
        Photo(name, identity, find(name)) for name, identity in read_identities(sources).items()
    ]
    return by_first_appearance(photos)


def read_identities(sources: Sources) -> dict[str, str]:
    """Read ``identity_CelebA.txt``: file name -> identity number, in the file's order.

    Raises:
        MirageError: the file is missing, or a damaged line, which is named.
    """
    rows = lists.read_names(sources["identities"], ("whole number",))
    return {name: str(int(identity)) for name, (identity,) in rows.items()}


def finder(folder: Path) -> Callable[[str], Path]:
    """What finds a folder's photographs by name, or by the same name ending in .jpg or .png.

    Where there is none of them, it gives the path of the name itself.

    Raises:
        MirageError: there is no such folder.
    """
    with os.scandir(folder_at(folder)) as entries:
        names = {entry.name for entry in entries}

    def find(name: str) -> Path:
        stem = PurePath(name).stem
        candidates = (name, f"{stem}.jpg", f"{stem}.png")
        return folder / next((one for one in candidates if one in names), name)

    return find


READER = Reader(list_celeba, ("images", "identities"), ("landmarks",))
