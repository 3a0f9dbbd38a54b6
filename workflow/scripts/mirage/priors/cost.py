"""What the rules of priors cost: generators trained or imported, pools rendered."""

from collections.abc import Mapping
from typing import Any

from mirage import draws
from mirage.forecast import units
from mirage.forecast.units import Unit
from mirage.forecast.work import FLOAT, WEIGHTS, Work, Workshop
from mirage.priors.recipe import PriorRecipe


def train_prior(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Steps of both networks."""
    recipe = shop.study.prior(wildcards["prior"])["source"]["recipe"]
    made = PriorRecipe.of(recipe)
    return Work(
        calls=((training_step(recipe), float(made.steps * made.batch_size)),),
        outputs={"generator": 1e6, "discriminator": 1e6},
    )


def training_step(recipe: Mapping[str, Any]) -> Unit:
    """One image of a step of both networks."""
    made = PriorRecipe.of(recipe)
    size, batch = made.generator.image_px, made.batch_size
    # One whole period of the lazy regularisers. The path penalty has a batch of its own, so memory
    # is no line: the batch stays as it is.
    period = max(made.r1_interval, made.path_interval)
    settings = {"recipe": dict(recipe)}
    return units.make(
        "prior", f"stylegan2 {size} px", batch, settings, (), None, least=batch, period=period
    )


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
    "import_prior": import_prior,
    "synthesise_pool": synthesise_pool,
}
