"""Priors and students of one target: whether public images fit what it sees."""

from collections.abc import Mapping
from typing import Any

from mirage.study.settings import Scale


def image_misfit(
    scale: Scale, source: Mapping[str, Any], dataset: str, architecture: str
) -> str | None:
    """How the images of a public view differ from those that a target sees; None if they do not.

    Args:
        scale: of the configuration.
        source: names the public ``dataset`` and its ``view``.
        dataset: of the target.
        architecture: of the target.
    """
    view = scale["architectures"][architecture]["view"]
    theirs = _described(scale, source["dataset"], source["view"])
    own = _described(scale, dataset, view)
    return None if theirs == own else f"images of {theirs}, but {architecture} sees {own}"


def _described(scale: Scale, dataset: str, view: str) -> str:
    """Size and colour of a view's images, in words."""
    entry = scale["datasets"][dataset]
    if view not in entry["views"]:
        return f"no view {view!r} of {dataset}"
    colour = "grey" if entry["recipe"]["channels"] == 1 else "RGB"
    return f"{entry['views'][view]['image_px']} px {colour}"
