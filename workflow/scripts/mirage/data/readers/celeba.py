"""Reader of CelebA: all photographs with their identities."""

import os
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
    find = PhotoFinder(sources["images"])
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


class PhotoFinder:
    """Finds photographs of a folder by name, whatever format they were saved in."""

    def __init__(self, folder: Path) -> None:
        """Read the folder once.

        Raises:
            MirageError: there is no such folder.
        """
        self.folder = folder_at(folder)
        with os.scandir(folder) as entries:
            self._names = {entry.name for entry in entries}

    def __call__(self, name: str) -> Path:
        """Path of ``name``, or else of the same name ending in .jpg or .png.

        Where there is none of them, the path of ``name`` itself.
        """
        stem = PurePath(name).stem
        for candidate in (name, f"{stem}.jpg", f"{stem}.png"):
            if candidate in self._names:
                return self.folder / candidate
        return self.folder / name


READER = Reader(list_celeba, ("images", "identities"), ("landmarks",))
