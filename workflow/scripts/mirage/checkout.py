"""Where the checkout lies, where its results lie, and the one way from there to here.

Results may be a link to another disk, or any folder (``--directory``), and a checkout may be moved
or reached by a link. So rules name files of the checkout through a link in the working folder: a
path that is the same wherever either lies, and therefore repeats no job.
"""

import os
from pathlib import Path

from mirage.errors import MirageError

REPOSITORY = ".repository"
"""The checkout as jobs see it from their working folder."""


def refuse_path(checkout: Path) -> None:
    """Stop where Snakemake itself cannot work, before it says so in a traceback.

    Raises:
        MirageError: the path has braces, or bytes that are no UTF-8.
    """
    path = str(checkout)
    shown = path.encode(errors="backslashreplace").decode()
    if "{" in path or "}" in path:
        what = "braces, which Snakemake takes for wildcards"
    elif shown != path:
        what = "bytes that are no UTF-8, which Snakemake cannot write"
    else:
        return
    raise MirageError(
        f"the path of this checkout, {shown}, holds {what}",
        remedy="rename that folder, or move the checkout",
    )


def working_folder(checkout: Path, scale: str) -> Path:
    """Make and return the folder in which a scale's results lie.

    Raises:
        MirageError: it cannot be made; a link to a disk that is not there is never replaced.
    """
    folder = checkout / "results" / scale
    for path in (folder.parent, folder):
        if path.is_symlink() and not path.exists():
            raise MirageError(
                f"{path} is a link to {path.readlink()}, which is not there",
                remedy="mount that disk or make that folder, or remove the link",
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MirageError(
            f"{folder} cannot be made: {error.strerror}", "a folder that may be written to"
        ) from error
    return folder


def link_back(checkout: Path, folder: Path) -> None:
    """Keep the link ``REPOSITORY`` in a working folder, leading to the checkout.

    It is relative where the folder lies in the checkout's ``results``, so that both can be moved.

    Raises:
        MirageError: something else has that name, jobs of another checkout are at work in the
            folder, or it may not be written to.
    """
    link = folder / REPOSITORY
    if link.is_symlink() and link.exists() and link.samefile(checkout):
        return
    if link.exists() and not link.is_symlink():
        raise MirageError(f"{link} is in the way", "a link to the checkout", "rename or remove it")
    if link.exists() and any((folder / ".snakemake/locks").glob("*.lock")):
        raise MirageError(
            f"{folder} is used by the checkout {link.resolve()}, whose snakemake is at work there",
            remedy="wait for its end, or choose another folder",
        )
    below = Path(os.pardir, os.pardir)
    target = below if (folder / below).resolve() == checkout.resolve() else checkout
    new = folder / f"{REPOSITORY}.{os.getpid()}"
    try:
        new.symlink_to(target)
        new.replace(link)
    except OSError as error:
        raise MirageError(
            f"{link} cannot be made: {error.strerror}", "a folder that may be written to"
        ) from error
