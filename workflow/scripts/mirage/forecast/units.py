"""Units: the repeated pieces of work of which expensive jobs are made.

A unit is one image's share of a step of a real loop: one image of a training step, one latent of
an optimisation step. Its settings hold all that building and running it takes; its key holds what
decides FLOPs and memory, so two studies with equal networks share their counts.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mirage.study.cells import Target
from mirage.study.study import Study

Settings = Mapping[str, Any]


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
        kind: ``train``, ``student``, ``classify``, ``rate``, ``render``, ``attack``,
            ``embed_attack``, ``embed_real`` or ``prior``; see ``loops``.
        name: its networks and sizes, in words.
        shape: digest of everything that decides FLOPs and memory per image.
        batch: images of one step.
        settings: all that it takes to build and run it, JSON-able.
    """

    kind: str
    name: str
    shape: str
    batch: int = field(compare=False)
    settings: Settings = field(compare=False, hash=False, repr=False)

    @property
    def key(self) -> str:
        """Name under which counts are kept."""
        return f"{self.kind} {self.name} {self.shape}"

    @property
    def timed_key(self) -> str:
        """Name under which speeds are kept: small batches are slower than large ones."""
        return f"{self.key} @{self.batch}"


def _unit(kind: str, name: str, batch: int, settings: Settings, *free: str) -> Unit:
    """Make a unit whose ``free`` settings decide neither FLOPs nor memory of an image.

    The number of classes is free as well: it sizes the last layer alone, a ten-thousandth of a
    network of the paper.
    """
    told = {k: v for k, v in settings.items() if k not in ("classes", *free)}
    text = json.dumps(told, sort_keys=True)
    shape = hashlib.blake2b(text.encode(), digest_size=3).hexdigest()
    return Unit(kind, name, shape, batch, dict(settings))


def train(study: Study, target: Target) -> Unit:
    """One image of a training step of a target."""
    recipe = study.training(target)
    settings = {
        **_classifier(study, target.dataset, target.architecture),
        "batch_size": recipe["batch_size"],
        **_precision(recipe),
        "recipe": dict(recipe),
    }
    return _unit("train", _name(settings), recipe["batch_size"], settings, "recipe", "batch_size")


def student(study: Study, dataset: str) -> Unit:
    """One image of a training step of the surrogate student."""
    recipe = study.measure("knowledge", dataset)
    settings = {
        **_classifier(study, dataset, recipe["architecture"]),
        "batch_size": recipe["batch_size"],
        **_precision(recipe),
        "recipe": dict(recipe),
    }
    return _unit("student", _name(settings), recipe["batch_size"], settings, "recipe", "batch_size")


def classify(
    study: Study, dataset: str, architecture: str, batch: int, recipe: Settings | None = None
) -> Unit:
    """One image through a frozen classifier, at the precision of the stage that asks (fp32)."""
    settings = {**_classifier(study, dataset, architecture), **_precision(recipe or {})}
    return _unit("classify", _name(settings), batch, settings)


def render(study: Study, pool: str, image_px: int, batch: int, recipe: Settings) -> Unit:
    """One latent rendered and resized, at the precision of the stage that asks."""
    settings = {
        **_prior(study, study.pool(pool)["prior"]),
        "image_px": image_px,
        **_precision(recipe),
    }
    return _unit("render", f"{_prior_name(settings)} to {image_px} px", batch, settings)


def attack(study: Study, target: Target, settings: Settings, batches: Batches) -> Unit:
    """One latent of an optimisation step."""
    recipe = settings["optimisation"]
    terms = {f"{term}_weight": recipe.get(f"{term}_weight", 0) > 0 for term in _TERMS}
    told = {
        **_classifier(study, target.dataset, target.architecture),
        **_prior(study, study.pool(settings["pool"])["prior"]),
        **terms,
        **_precision(recipe),
        "recipe": dict(recipe),
    }
    # A device batch holds whole official batches, at least one.
    official = min(recipe["batch_size"], settings["sampling"]["candidates_per_class"])
    batch = max(batches.optimise // official, 1) * official
    told["official"] = official
    extra = "".join(f" + {term}" for term in _TERMS if terms[f"{term}_weight"])
    name = f"{_name(told)} from {_prior_name(told)}{extra}"
    return _unit("attack", name, batch, told, "recipe", "official")


def rate(study: Study, dataset: str, architecture: str, batch: int, recipe: Settings) -> Unit:
    """One image cut at random, resized and rated by a frozen classifier."""
    settings = {**_classifier(study, dataset, architecture), **_precision(recipe)}
    return _unit("rate", _name(settings), batch, settings)


def embed_attack(study: Study, target: Target, settings: Settings, batches: Batches) -> Unit:
    """One latent rendered and embedded in every evaluation network."""
    told = {
        **_prior(study, study.pool(settings["pool"])["prior"]),
        **_networks(study, target.dataset),
        "student_px": _measure_px(study, target.dataset, settings),
        "gallery_px": study.image_px(target),
        **_precision(study.scale["evaluation"]),
    }
    name = f"{_network_names(told)} from {_prior_name(told)}"
    return _unit("embed_attack", name, batches.forward, told)


def _measure_px(study: Study, dataset: str, settings: Settings) -> int | None:
    """Side of the images that the measures of an attack need."""
    sides = [study.measure(name, dataset).get("image_px") for name in settings.get("measures", ())]
    return max(filter(None, sides), default=None)


def embed_real(study: Study, dataset: str, batches: Batches) -> Unit:
    """One photograph embedded in every evaluation network."""
    told = {**_networks(study, dataset), **_precision(study.scale["evaluation"])}
    return _unit("embed_real", _network_names(told), batches.forward, told)


def prior(study: Study, name: str) -> Unit:
    """One image of a step of both networks of a prior's training."""
    recipe = study.prior(name)["source"]["recipe"]
    settings = {"recipe": dict(recipe)}
    size = recipe["generator"]["image_px"]
    return _unit("prior", f"stylegan2 {size} px", recipe["batch_size"], settings)


_TERMS = ("discriminator", "feature")


def _precision(recipe: Settings) -> dict[str, Any]:
    return {"precision": recipe.get("precision", "fp32")}


def _classifier(study: Study, dataset: str, architecture: str) -> dict[str, Any]:
    view = study.view(dataset, study.architecture(architecture)["view"])
    return {
        "architecture": architecture,
        "classes": study.classes(dataset),
        "channels": study.dataset(dataset)["recipe"]["channels"],
        "image_px": view["image_px"],
    }


def _prior(study: Study, name: str) -> dict[str, Any]:
    """Shape of a prior; a published one is taken to have the published shape."""
    entry = study.prior(name)
    recipe = entry["source"].get("recipe", {})
    shape = {"image_px": entry["image_px"], "image_channels": 3}
    return {
        "generator": dict(recipe.get("generator", shape)),
        "discriminator": dict(recipe.get("discriminator", shape)),
        "crop_px": entry["crop_px"],
    }


def _networks(study: Study, dataset: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for role in study.roles(dataset):
        entry = study.network(dataset, role)
        found[role] = {
            "spec": study.network_spec(dataset, role),
            "architecture": entry.get("target", {}).get("architecture"),
            "channels": study.dataset(dataset)["recipe"]["channels"],
        }
    return {"networks": found, "classes": study.classes(dataset)}


def _name(settings: Settings) -> str:
    return f"{settings['architecture']} {settings['image_px']} px"


def _prior_name(settings: Settings) -> str:
    side, crop = settings["generator"]["image_px"], settings["crop_px"]
    return f"stylegan2 {side} px" + (f" cut to {crop}" if crop < side else "")


def _network_names(settings: Settings) -> str:
    networks = settings["networks"].values()
    return " + ".join(n["architecture"] or n["spec"]["kind"] for n in networks)
