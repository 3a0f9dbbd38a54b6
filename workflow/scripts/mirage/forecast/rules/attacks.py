"""Work of the rules of attacks: the three stages of PPA."""

from collections.abc import Mapping

from mirage.forecast import units
from mirage.forecast.work import (
    FLOAT,
    LONG,
    Job,
    Work,
    Workshop,
    attack_of,
    rule,
)
from mirage.study.chunks import classes_of


@rule("sample_candidates")
def _sample_candidates(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    attack = attack_of(wildcards)
    settings, side = shop.study.attack(attack), shop.study.image_px(attack.target)
    pool, classes = settings["pool"], shop.study.classes(attack.target.dataset)
    size = shop.study.pool(pool)["size"]
    scorer = units.classify(
        shop.study,
        attack.target.dataset,
        attack.target.architecture,
        shop.batches.forward,
        settings["sampling"],
    )
    views = 2 if settings["sampling"].get("flip_average", True) else 1
    each = shop.w_bytes(pool) + LONG + FLOAT
    images = size * FLOAT * shop.image_bytes(attack.target.dataset, side)
    return Work(
        calls=((scorer, float(views * size)),),
        inputs=(
            f"{attack.target.path}/weights.safetensors",
            shop.study.pool_file(attack),
        ),
        outputs={
            f"{attack.path}/candidates.safetensors": classes
            * settings["sampling"]["candidates_per_class"]
            * each
        },
        gpu=True,
        host_bytes=images + 3 * size * classes * FLOAT + shop.weigh(shop.classify(attack.target)),
    )


@rule("optimise_latents")
def _optimise_latents(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    attack, chunk = attack_of(wildcards), wildcards["chunk"]
    settings = shop.study.attack(attack)
    count = len(classes_of(chunk)) * settings["sampling"]["candidates_per_class"]
    unit = units.attack(shop.study, attack.target, settings, shop.batches)
    steps, w = settings["optimisation"]["steps"], shop.w_bytes(settings["pool"])
    inputs = [
        f"{attack.target.path}/weights.safetensors",
        shop.generator(settings["pool"]),
        f"{attack.path}/candidates.safetensors",
    ]
    if unit.settings["discriminator_weight"]:
        inputs.append(shop.generator(settings["pool"]).replace("generator", "discriminator"))
    if unit.settings["feature_weight"]:
        inputs.append(shop.study.pool_file(attack))
    size = count * w + len(classes_of(chunk)) * steps * FLOAT
    return Work(
        calls=((unit, float(count * steps)),),
        inputs=tuple(inputs),
        outputs={f"{attack.path}/optimised/{chunk}.safetensors": size},
        gpu=True,
        host_bytes=4 * size + shop.weigh(shop.classify(attack.target)),
        state_bytes=count * (w + steps * FLOAT) + unit.batch * (3 * w + steps * FLOAT),
    )


@rule("select_latents")
def _select_latents(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    attack, chunk = attack_of(wildcards), wildcards["chunk"]
    settings, target = shop.study.attack(attack), attack.target
    classes, each = len(classes_of(chunk)), settings["sampling"]["candidates_per_class"]
    transforms = settings["selection"]["iterations"]
    side, batch = shop.study.image_px(target), min(shop.batches.forward, transforms * each)
    recipe, rendered = settings["selection"], min(shop.batches.forward, each)
    rate = units.rate(shop.study, target.dataset, target.architecture, batch, recipe)
    render = units.render(shop.study, settings["pool"], side, rendered, recipe)
    kept = settings["selection"]["n_selected"]
    size = classes * kept * (shop.w_bytes(settings["pool"]) + LONG + FLOAT)
    # Two matrices for each box of a pass: one box an image, or one an iteration.
    boxes = batch if recipe.get("crop") == "per_image" else batch // each + 2
    tables = 2.0 * boxes * side**2 * FLOAT
    return Work(
        calls=((render, float(classes * each)), (rate, float(classes * each * transforms))),
        inputs=(
            f"{target.path}/weights.safetensors",
            shop.generator(settings["pool"]),
            f"{attack.path}/optimised/{chunk}.safetensors",
        ),
        outputs={f"{attack.path}/selected/{chunk}.safetensors": size},
        gpu=True,
        host_bytes=2 * classes * each * shop.w_bytes(settings["pool"])
        + shop.weigh(shop.classify(target))
        + 3 * tables,  # as they are made
        device_bytes=each * FLOAT * shop.image_bytes(target.dataset, side) + tables,
        state_bytes=classes * each * FLOAT,
    )


@rule("merge_latents")
def _merge_latents(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    attack, stage = attack_of(wildcards), wildcards["stage"]
    rule = {"optimised": "optimise_latents", "selected": "select_latents"}[stage]
    chunks = shop.study.chunks(attack.target.dataset)
    parts = [shop.work(Job.of(rule, **{**wildcards, "chunk": chunk})).outputs for chunk in chunks]
    size = sum(sum(part.values()) for part in parts)
    return Work(
        inputs=tuple(path for part in parts for path in part),
        outputs={f"{attack.path}/{stage}.safetensors": size},
        host_bytes=3 * size,
    )
