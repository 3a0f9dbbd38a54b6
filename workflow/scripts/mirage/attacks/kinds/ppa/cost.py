"""What the stages of PPA cost."""

from collections.abc import Sequence

from mirage.forecast import units
from mirage.forecast.work import FLOAT, LONG, Work, Workshop
from mirage.study.cells import Attack


def sample(shop: Workshop, attack: Attack, attacked: Sequence[int]) -> Work:
    """The pool classified once, or twice where mirrored images count as well."""
    settings, side = shop.study.attack(attack), shop.study.image_px(attack.target)
    pool, classes = settings["pool"], len(attacked)
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
        outputs={"latents": classes * settings["sampling"]["candidates_per_class"] * each},
        host_bytes=images + 3 * size * classes * FLOAT + shop.weigh(shop.classify(attack.target)),
    )


def optimise(shop: Workshop, attack: Attack, attacked: Sequence[int]) -> Work:
    """Steps of every candidate."""
    settings = shop.study.attack(attack)
    count = len(attacked) * settings["sampling"]["candidates_per_class"]
    unit = units.attack(shop.study, attack.target, settings, shop.batches)
    steps, w = settings["optimisation"]["steps"], shop.w_bytes(settings["pool"])
    size = count * w + len(attacked) * steps * FLOAT
    return Work(
        calls=((unit, float(count * steps)),),
        outputs={"latents": size},
        host_bytes=4 * size + shop.weigh(shop.classify(attack.target)),
        state_bytes=count * (w + steps * FLOAT) + unit.batch * (3 * w + steps * FLOAT),
    )


def select(shop: Workshop, attack: Attack, attacked: Sequence[int]) -> Work:
    """Every candidate rendered once and rated under many transforms."""
    settings, target = shop.study.attack(attack), attack.target
    classes, each = len(attacked), settings["sampling"]["candidates_per_class"]
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
        outputs={"latents": size},
        host_bytes=2 * classes * each * shop.w_bytes(settings["pool"])
        + shop.weigh(shop.classify(target))
        + 3 * tables,  # as they are made
        device_bytes=each * FLOAT * shop.image_bytes(target.dataset, side) + tables,
        state_bytes=classes * each * FLOAT,
    )


COSTS = {"sample": sample, "optimise": optimise, "select": select}
"""Role -> work of that stage for some classes."""
