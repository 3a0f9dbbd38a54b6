"""Units: the repeated pieces of work of which expensive jobs are made.

A unit is one image's share of a step of a real loop: one image of a training step, one latent of
an optimisation step. Its settings hold all that building and running it takes; its key holds what
decides FLOPs and memory, so two studies with equal networks share their counts.
"""

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from mirage.study.study import Study

Settings = Mapping[str, Any]

_UNNAMED = "stylegan2"
"""Kind of prior of the units whose settings name none."""


@dataclass(frozen=True)
class Batches:
    """How many images a device takes together, from the top of the configuration.

    Attributes:
        forward: images pushed through a network together.
        optimise: latents optimised together.
    """

    forward: int
    optimise: int


@dataclass(frozen=True)
class Unit:
    """One kind of repeated work.

    Attributes:
        kind: an entry of ``loops``.
        name: its networks and sizes, in words.
        shape: digest of everything that decides FLOPs and memory per image.
        batch: images of one step.
        settings: all that it takes to build and run it, JSON-able.
        setting: of the configuration, which cuts the batch; None where a recipe sets it.
        least: images of the smallest step.
        period: steps after which the work repeats itself.
    """

    kind: str
    name: str
    shape: str
    batch: int = field(compare=False)
    settings: Settings = field(compare=False, hash=False, repr=False)
    setting: str | None = field(default="forward_batch", compare=False)
    least: int = field(default=1, compare=False)
    period: int = field(default=1, compare=False)

    @property
    def key(self) -> str:
        """Name under which counts are kept."""
        return f"{self.kind} {self.name} {self.shape}"

    @property
    def timed_key(self) -> str:
        """Name under which speeds are kept: small batches are slower than large ones."""
        return f"{self.key} @{self.batch}"


def make(
    kind: str,
    name: str,
    batch: int,
    settings: Settings,
    free: Collection[str] = (),
    setting: str | None = "forward_batch",
    least: int = 1,
    period: int = 1,
) -> Unit:
    """Make a unit whose ``free`` settings decide neither FLOPs nor memory of an image.

    The number of classes is free as well: it sizes the last layer alone, a ten-thousandth of a
    network of the paper.
    """
    told = {k: v for k, v in settings.items() if k not in ("classes", *free)}
    text = json.dumps(told, sort_keys=True)
    shape = hashlib.blake2b(text.encode(), digest_size=3).hexdigest()
    return Unit(kind, name, shape, batch, dict(settings), setting, least, period)


def classify(
    study: Study, dataset: str, architecture: str, batch: int, recipe: Settings | None = None
) -> Unit:
    """One image through a frozen classifier, at the precision of the stage that asks (fp32)."""
    settings = {**classifier(study, dataset, architecture), **precision(recipe or {})}
    return make("classify", classifier_name(settings), batch, settings)


def render(study: Study, name: str, image_px: int, batch: int, recipe: Settings) -> Unit:
    """One latent of a prior rendered and resized, at the precision of the stage that asks."""
    settings = {
        **prior(study, name),
        "image_px": image_px,
        **precision(recipe),
    }
    return make("render", f"{prior_name(settings)} to {image_px} px", batch, settings)


def precision(recipe: Settings) -> dict[str, Any]:
    """Precision of a stage, of its unit's settings."""
    return {"precision": recipe.get("precision", "fp32")}


def classifier(study: Study, dataset: str, architecture: str) -> dict[str, Any]:
    """Shape of a classifier, of its unit's settings."""
    view = study.view(dataset, study.architecture(architecture)["view"])
    return {
        "architecture": architecture,
        "classes": study.classes(dataset),
        "channels": study.dataset(dataset)["recipe"]["channels"],
        "image_px": view["image_px"],
    }


def prior(study: Study, name: str) -> dict[str, Any]:
    """Shape of a prior, of its unit's settings; of a published one the published shape."""
    entry, kind = study.prior(name), study.prior_kind(name)
    recipe = entry["source"].get("recipe", {})
    shape = {"image_px": entry["image_px"], "image_channels": 3}
    return {
        **({} if kind == _UNNAMED else {"prior": kind}),
        "generator": dict(recipe.get("generator", shape)),
        "discriminator": dict(recipe.get("discriminator", shape)),
        "crop_px": entry["crop_px"],
    }


def classifier_name(settings: Settings) -> str:
    """A classifier in words."""
    return f"{settings['architecture']} {settings['image_px']} px"


def prior_name(settings: Settings) -> str:
    """A prior in words."""
    side, crop = settings["generator"]["image_px"], settings["crop_px"]
    kind = settings.get("prior", _UNNAMED)
    return f"{kind} {side} px" + (f" cut to {crop}" if crop < side else "")
