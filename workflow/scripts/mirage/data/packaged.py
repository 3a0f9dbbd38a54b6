"""Data that come with an installed package."""

import importlib.util
from pathlib import Path

from mirage.errors import MirageError


def packaged(module: str, package: str, holds: str, otherwise: str, *inside: str) -> Path:
    """Folder of such data, without importing the package, which may load much.

    Args:
        module: the package as it is imported.
        package: as it is installed.
        holds: what comes with it.
        otherwise: what else may be the data set's source.
        inside: folders from the package's own to that of the data.

    Raises:
        MirageError: the package is not installed.
    """
    spec = importlib.util.find_spec(module)
    if spec is None or not spec.submodule_search_locations:
        raise MirageError(
            f"{holds} come with the package {package}, which is not installed",
            remedy=f"install {package}, or name {otherwise} as the data set's source",
        )
    return Path(spec.submodule_search_locations[0], *inside)
