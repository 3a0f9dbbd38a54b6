"""Work of the rules of priors and weights: networks imported or trained, pools rendered."""

from collections.abc import Mapping

from mirage import draws
from mirage.forecast import units
from mirage.forecast.work import (
    FLOAT,
    SMALL,
    Work,
    Workshop,
    rule,
)
from mirage.study.study import imported


@rule("train_prior")
def _train_prior(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    name = wildcards["prior"]
    unit = units.prior(shop.study, name)
    recipe = shop.study.prior(name)["source"]["recipe"]
    return Work(
        calls=((unit, float(recipe["steps"] * recipe["batch_size"])),),
        outputs={f"priors/{name}/{part}.safetensors": 1e6 for part in _NETWORKS_OF_A_PRIOR},
        gpu=True,
    )


_NETWORKS_OF_A_PRIOR = ("generator", "discriminator")


@rule("import_prior")
def _import_prior(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    name = wildcards["prior"]
    # Weights do not depend on the size images are shown at; this one is counted.
    side = shop.study.image_px(shop.study.targets[0])
    pools = [pool for pool, entry in shop.study.scale["pools"].items() if entry["prior"] == name]
    weights = shop.weigh(shop.render(pools[0], side)) if pools else _WEIGHTS_BYTES
    return Work(
        # A discriminator has about as many weights.
        outputs={f"priors/{name}/{part}.safetensors": weights for part in _NETWORKS_OF_A_PRIOR},
        host_bytes=6 * weights,
    )


@rule("import_weights")
def _import_weights(_: Workshop, wildcards: Mapping[str, str]) -> Work:
    path = imported(wildcards["foreign"])
    record = path.replace(".safetensors", ".json")
    return Work(
        outputs={path: _WEIGHTS_BYTES, record: SMALL},
        host_bytes=4 * _WEIGHTS_BYTES,  # the file, the network, the copy, the trial's activations
    )


_WEIGHTS_BYTES = 250e6
"""Of a published classifier: ResNet-152 has 241 MB, all others less."""


@rule("synthesise_pool")
def _synthesise_pool(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    draw, side = wildcards["pool"], int(wildcards["image_px"])
    name, _ = draws.parse(draw)
    size = shop.study.pool(name)["size"]
    unit = shop.render(name, side)
    channels = unit.settings["generator"]["image_channels"]
    held = size * (FLOAT * channels * side**2 + shop.w_bytes(name))
    return Work(
        calls=((unit, size),),
        inputs=(shop.generator(name),),
        outputs={f"priors/pools/{draw}-{side}.safetensors": held},
        gpu=True,
        host_bytes=3 * held,
    )
