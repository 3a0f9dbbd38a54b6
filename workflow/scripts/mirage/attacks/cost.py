"""What the stages of attacks cost."""

from collections.abc import Mapping

from mirage.forecast import units
from mirage.forecast.work import FLOAT, LONG, Job, Work, Workshop, attack_of
from mirage.study.chunks import classes_of


def sample_candidates(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """The pool classified once, or twice where mirrored images count as well."""
    attack = attack_of(wildcards)
    target, settings = attack.target, shop.study.attack(attack)
    recipe, pool = settings["sampling"], settings["pool"]
    classes, size = shop.study.classes(target.dataset), shop.study.pool(pool)["size"]
    scorer = units.classify(
        shop.study, target.dataset, target.architecture, shop.batches.forward, recipe
    )
    views = 2 if recipe.get("flip_average", True) else 1
    each = shop.w_bytes(pool) + LONG + FLOAT
    images = size * FLOAT * shop.image_bytes(target.dataset, shop.study.image_px(target))
    return Work(
        calls=((scorer, float(views * size)),),
        outputs={"candidates": classes * recipe["candidates_per_class"] * each},
        host_bytes=images + 3 * size * classes * FLOAT + shop.weigh(shop.classify(target)),
    )


def optimise_latents(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Steps of every candidate of a chunk."""
    attack, classes = attack_of(wildcards), len(classes_of(wildcards["chunk"]))
    settings = shop.study.attack(attack)
    count = classes * settings["sampling"]["candidates_per_class"]
    unit = units.attack(shop.study, attack.target, settings, shop.batches)
    steps, w = settings["optimisation"]["steps"], shop.w_bytes(settings["pool"])
    size = count * w + classes * steps * FLOAT
    return Work(
        calls=((unit, float(count * steps)),),
        outputs={"latents": size},
        host_bytes=4 * size + shop.weigh(shop.classify(attack.target)),
        state_bytes=count * (w + steps * FLOAT) + unit.batch * (3 * w + steps * FLOAT),
    )


def select_latents(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Every candidate of a chunk rendered once and rated under many transforms."""
    attack, classes = attack_of(wildcards), len(classes_of(wildcards["chunk"]))
    target, settings = attack.target, shop.study.attack(attack)
    recipe, pool = settings["selection"], settings["pool"]
    each, transforms = settings["sampling"]["candidates_per_class"], recipe["iterations"]
    side, batch = shop.study.image_px(target), min(shop.batches.forward, transforms * each)
    rate = units.rate(shop.study, target.dataset, target.architecture, batch, recipe)
    render = units.render(shop.study, pool, side, min(shop.batches.forward, each), recipe)
    # Two matrices for each box of a pass: one box an image, or one an iteration.
    boxes = batch if recipe.get("crop") == "per_image" else batch // each + 2
    tables = 2.0 * boxes * side**2 * FLOAT
    return Work(
        calls=((render, float(classes * each)), (rate, float(classes * each * transforms))),
        outputs={"latents": classes * recipe["n_selected"] * (shop.w_bytes(pool) + LONG + FLOAT)},
        host_bytes=2 * classes * each * shop.w_bytes(pool)
        + shop.weigh(shop.classify(target))
        + 3 * tables,  # as they are made
        device_bytes=each * FLOAT * shop.image_bytes(target.dataset, side) + tables,
        state_bytes=classes * each * FLOAT,
    )


def merge_latents(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """The latents of all chunks."""
    rule = {"optimised": "optimise_latents", "selected": "select_latents"}[wildcards["stage"]]
    chunks = shop.study.chunks(attack_of(wildcards).target.dataset)
    parts = (shop.work(Job.of(rule, **{**wildcards, "chunk": chunk})) for chunk in chunks)
    size = sum(part.outputs["latents"] for part in parts)
    return Work(outputs={"latents": size}, light_s=0.1, host_bytes=3 * size)


COSTS = {
    "sample_candidates": sample_candidates,
    "optimise_latents": optimise_latents,
    "select_latents": select_latents,
    "merge_latents": merge_latents,
}
