"""What the rules of priors cost: generators trained or imported, pools rendered."""

from collections.abc import Mapping
from typing import Any

from mirage import draws
from mirage.forecast import units
from mirage.forecast.units import Settings, Unit
from mirage.forecast.work import FLOAT, WEIGHTS, Work, Workshop, target_of
from mirage.priors.trainers import TRAINERS


def train_prior(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Steps of both networks."""
    name = wildcards["prior"]
    source = shop.study.prior(name)["source"]
    unit = training_step(source["recipe"], shop.study.prior_kind(name))
    weights = _generator_bytes(shop, name)
    return Work(
        calls=((unit, _training_images(shop, name)),),
        # A discriminator has about as many weights; Adam keeps two moments of each.
        outputs={"generator": weights, "discriminator": weights},
        host_bytes=shop.view_bytes(source["dataset"], source["view"]) + 6 * weights,
        device_bytes=shop.view_bytes(source["dataset"], source["view"]),
        state_bytes=6 * weights,
    )


def train_target_prior(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Steps of both networks, and the target's answers to all public images."""
    name, target = wildcards["prior"], target_of(wildcards)
    source = shop.study.target_prior(target, name)
    public = shop.images(source["dataset"]).total
    shape = units.classifier(shop.study, target.dataset, target.architecture)
    unit = training_step(source["recipe"], shop.study.prior_kind(name), shape)
    judged = shop.classify(target)
    weights = _generator_bytes(shop, name)
    # A discriminator has up to four times as many weights; Adam keeps two moments of each.
    outputs = {"generator": weights, "discriminator": 4 * weights}
    return Work(
        calls=((unit, _training_images(shop, name)), (judged, float(public))),
        outputs=outputs,
        host_bytes=shop.view_bytes(source["dataset"], source["view"]) + 3 * sum(outputs.values()),
        device_bytes=shop.view_bytes(source["dataset"], source["view"]),
        state_bytes=3 * sum(outputs.values()),
    )


def _generator_bytes(shop: Workshop, name: str) -> float:
    """Bytes of a generator's weights, which are the same at every precision it is counted at."""
    side = shop.study.prior(name)["image_px"]
    unit = units.render(shop.study, name, side, shop.batches.forward, {})
    alike = (held for key, held in shop.counts.items() if key.startswith(f"render {unit.name} "))
    held = shop.counts.get(unit.key) or next(alike, None)
    return WEIGHTS if held is None else float(held.weight_bytes)


def _training_images(shop: Workshop, name: str) -> float:
    """Images of all steps of a prior's training."""
    source = shop.study.prior(name)["source"]
    trainer = TRAINERS[shop.study.prior_kind(name)]
    steps = trainer.steps(trainer.recipe.of(source["recipe"]), shop.images(source["dataset"]).total)
    return float(steps.total * steps.images)


def training_step(
    recipe: Mapping[str, Any], kind: str = "stylegan2", target: Settings | None = None
) -> Unit:
    """One image of a step of both networks; ``target`` is the shape of whose prior it is."""
    made: Any = TRAINERS[kind].recipe.of(recipe)
    # A step may have batches of several sizes, so memory is no line: the batch stays as it is.
    _, batch, period = TRAINERS[kind].steps(made, 1)
    settings: dict[str, Any] = {"kind": kind, "recipe": dict(recipe)}
    words = f"{kind} {made.generator.image_px} px"
    if target is not None:
        settings["target"] = target
        words += f" of {units.classifier_name(target)}"
    # The name tells the kind.
    return units.make("prior", words, batch, settings, ("kind",), None, least=batch, period=period)


def import_prior(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """A pickle read, checked and written anew."""
    name = wildcards["prior"]
    # Weights do not depend on the size images are shown at; this one is counted.
    side = shop.study.image_px(shop.study.targets[0])
    pools = [pool for pool, entry in shop.study.scale["pools"].items() if entry["prior"] == name]
    weights = shop.weigh(shop.render(pools[0], side)) if pools else WEIGHTS
    return Work(
        # A discriminator has about as many weights.
        outputs={"generator": weights, "discriminator": weights},
        light_s=60,
        host_bytes=6 * weights,
    )


def synthesise_pool(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Every candidate rendered once."""
    name, _ = draws.parse(wildcards["pool"])
    side, size = int(wildcards["image_px"]), shop.study.pool(name)["size"]
    unit = shop.render(name, side)
    channels = unit.settings["generator"]["image_channels"]
    held = size * (FLOAT * channels * side**2 + shop.w_bytes(name))
    return Work(calls=((unit, size),), outputs={"pool": held}, host_bytes=3 * held)


COSTS = {
    "train_prior": train_prior,
    "train_target_prior": train_target_prior,
    "import_prior": import_prior,
    "synthesise_pool": synthesise_pool,
}
