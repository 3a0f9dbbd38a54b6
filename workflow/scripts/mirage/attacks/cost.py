"""What the stages of attacks cost."""

from collections.abc import Mapping

from mirage.forecast import units
from mirage.forecast.units import Batches, Settings, Unit
from mirage.forecast.work import FLOAT, LONG, Job, Work, Workshop, attack_of
from mirage.study.cells import Target
from mirage.study.chunks import classes_of
from mirage.study.study import Study


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
    unit = optimisation_step(shop.study, attack.target, settings, shop.batches)
    steps, w = settings["optimisation"]["steps"], shop.w_bytes(settings["pool"])
    size = count * w + classes * steps * FLOAT
    return Work(
        calls=((unit, float(count * steps)),),
        outputs={"latents": size},
        host_bytes=4 * size + shop.weigh(shop.classify(attack.target)),
        state_bytes=count * (w + steps * FLOAT) + unit.batch * (3 * w + steps * FLOAT),
    )


_TERMS = ("discriminator", "feature")


def optimisation_step(study: Study, target: Target, settings: Settings, batches: Batches) -> Unit:
    """One latent of an optimisation step."""
    recipe = settings["optimisation"]
    terms = {f"{term}_weight": recipe.get(f"{term}_weight", 0) > 0 for term in _TERMS}
    told = {
        **units.classifier(study, target.dataset, target.architecture),
        **units.prior(study, study.pool(settings["pool"])["prior"]),
        **terms,
        **units.precision(recipe),
        "recipe": dict(recipe),
    }
    # A device batch holds whole official batches, at least one.
    official = min(recipe["batch_size"], settings["sampling"]["candidates_per_class"])
    batch = max(batches.optimise // official, 1) * official
    told["official"] = official
    extra = "".join(f" + {term}" for term in _TERMS if terms[f"{term}_weight"])
    name = f"{units.classifier_name(told)} from {units.prior_name(told)}{extra}"
    return units.make("attack", name, batch, told, ("recipe", "official"), "optimise_batch")


def select_latents(shop: Workshop, wildcards: Mapping[str, str]) -> Work:
    """Every candidate of a chunk rendered once and rated under many transforms."""
    attack, classes = attack_of(wildcards), len(classes_of(wildcards["chunk"]))
    target, settings = attack.target, shop.study.attack(attack)
    recipe, pool = settings["selection"], settings["pool"]
    each, transforms = settings["sampling"]["candidates_per_class"], recipe["iterations"]
    side, batch = shop.study.image_px(target), min(shop.batches.forward, transforms * each)
    rate = rating(shop.study, target, batch, recipe)
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


def rating(study: Study, target: Target, batch: int, recipe: Settings) -> Unit:
    """One image cut at random, resized and rated by a frozen classifier."""
    settings = {
        **units.classifier(study, target.dataset, target.architecture),
        **units.precision(recipe),
    }
    return units.make("rate", units.classifier_name(settings), batch, settings)


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
