"""Priors and students: whether they fit a target, whose own they may be."""

from collections.abc import Mapping
from typing import Any

from mirage.priors.trainers import TRAINERS
from mirage.study.settings import Scale


def prior_misfit(scale: Scale, name: str, dataset: str, architecture: str) -> str | None:
    """Why a prior cannot render for a target, or learn from it; None if it can.

    It renders whole images as the target sees them, and knows the target's classes, if any.

    Args:
        scale: of the configuration.
        name: of the prior, which is trained here.
        dataset: of the target.
        architecture: of the target.
    """
    prior = scale["priors"][name]
    problem = image_misfit(scale, prior["source"], dataset, architecture)
    if problem is None and prior["crop_px"] != prior["image_px"]:
        problem = f"the centre of {prior['crop_px']} px alone, where an attack needs whole images"
    recipe: Any = TRAINERS[prior.get("kind", "stylegan2")].recipe.of(prior["source"]["recipe"])
    classes = scale["datasets"][dataset]["classes"]
    known = getattr(recipe.discriminator, "classes", classes)
    if problem is None and known != classes:
        problem = f"{known} classes, but {dataset} has {classes}"
    return problem


def image_misfit(
    scale: Scale, source: Mapping[str, Any], dataset: str, architecture: str
) -> str | None:
    """How the images of a public view differ from those that a target sees; None if they do not.

    ``source`` names the public ``dataset`` and its ``view``.
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
