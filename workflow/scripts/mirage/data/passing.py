"""What a listing passes over, and why: other people's and systems' files among photographs."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HIDDEN = "hidden"
SYSTEM = "a system's own"
BESIDE = "beside the folders"
NO_IMAGE = "no image by its name"
AGAIN = "a link to what is read already"
BACK = "a link back to a folder it lies in"

# Folders and files that systems, archivers and storage boxes leave among other people's, in small
# letters. Names of people may begin with any of these signs, so only whole names count.
_SYSTEM = frozenset(
    {
        "__macosx", "network trash folder", "temporary items", "thevolumesettingsfolder",
        "icon\r",  # macOS
        "$recycle.bin", "recycler", "recycled", "system volume information", "$extend", "found.000",
        "msocache", "thumbs.db", "thumbs.db:encryptable", "ehthumbs.db", "ehthumbs_vista.db",
        "desktop.ini", "wpsettings.dat", "indexervolumeguid",  # Windows
        "lost+found", "aquota.user", "aquota.group",  # Linux
        "@eadir", "#recycle", "#snapshot", "@sharesnap", "@tmp", "@sharebin",  # Synology
        "@recycle", "@recently-snapshot", "@snapshot",  # QNAP and others
        "~snapshot", "lost.dir", "zbthumbnail.info", "picasa.ini", "__pycache__",
    }
)  # fmt: skip


class LeftAlone(NamedTuple):
    """A file or folder that was not read; nothing below such a folder is told."""

    name: str
    """Path below the data set's folder with forward slashes."""
    why: str


def reason_to_pass(name: str) -> str:
    """Why a file or folder of this name is nobody's photograph; empty if it may be one.

    torchvision's ``ImageFolder`` would take such folders for classes; no published data set has
    any.
    """
    if name.startswith("."):
        return HIDDEN
    return SYSTEM if name.lower() in _SYSTEM else ""


def entries(folder: Path) -> Iterator["os.DirEntry[str]"]:
    """What of a folder is not passed over, in any order.

    Raises:
        OSError: the folder cannot be read.
    """
    with os.scandir(folder) as found:
        yield from (entry for entry in found if not reason_to_pass(entry.name))
