"""What the stages of PPA cost."""

from collections.abc import Sequence

from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe, SamplingRecipe, SelectionRecipe
from mirage.forecast import units
from mirage.forecast.units import Batches, Settings, Unit
from mirage.forecast.work import FLOAT, LONG, Work, Workshop
from mirage.study.cells import Attack, Target
from mirage.study.study import Study


def sample(shop: Workshop, attack: Attack, attacked: Sequence[int]) -> Work:
    """The pool classified once, or twice where mirrored images count as well."""
    settings, side = shop.study.attack(attack), shop.study.image_px(attack.target)
    recipe = SamplingRecipe.of(settings["sampling"])
    pool, classes = settings["pool"], len(attacked)
    size = shop.study.pool(pool)["size"]
    scorer = units.classify(
        shop.study,
        attack.target.dataset,
        attack.target.architecture,
        shop.batches.forward,
        settings["sampling"],
    )
    views = 2 if recipe.flip_average else 1
    each = shop.w_bytes(pool) + LONG + FLOAT
    images = size * FLOAT * shop.image_bytes(attack.target.dataset, side)
    return Work(
        calls=((scorer, float(views * size)),),
        outputs={"latents": classes * recipe.candidates_per_class * each},
        host_bytes=images + 3 * size * classes * FLOAT + shop.weigh(shop.classify(attack.target)),
    )


def optimise(shop: Workshop, attack: Attack, attacked: Sequence[int]) -> Work:
    """Steps of every candidate."""
    settings = shop.study.attack(attack)
    count = len(attacked) * _candidates(settings)
    unit = optimisation_step(shop.study, attack.target, settings, shop.batches)
    steps = OptimisationRecipe.of(settings["optimisation"]).steps
    w = shop.w_bytes(settings["pool"])
    size = count * w + len(attacked) * steps * FLOAT
    return Work(
        calls=((unit, float(count * steps)),),
        outputs={"latents": size},
        host_bytes=4 * size + shop.weigh(shop.classify(attack.target)),
        state_bytes=count * (w + steps * FLOAT) + unit.batch * (3 * w + steps * FLOAT),
    )


def _candidates(settings: Settings) -> int:
    return SamplingRecipe.of(settings["sampling"]).candidates_per_class


_TERMS = ("discriminator", "feature")


def optimisation_step(study: Study, target: Target, settings: Settings, batches: Batches) -> Unit:
    """One latent of an optimisation step."""
    recipe = settings["optimisation"]
    made = OptimisationRecipe.of(recipe)
    terms = {f"{term}_weight": getattr(made, f"{term}_weight") > 0 for term in _TERMS}
    told = {
        **units.classifier(study, target.dataset, target.architecture),
        **units.prior(study, study.pool(settings["pool"])["prior"]),
        **terms,
        **units.precision(recipe),
        "recipe": dict(recipe),
    }
    # A device batch holds whole official batches, at least one.
    official = min(made.batch_size, _candidates(settings))
    batch = max(batches.optimise // official, 1) * official
    told["official"] = official
    extra = "".join(f" + {term}" for term in _TERMS if terms[f"{term}_weight"])
    name = f"{units.classifier_name(told)} from {units.prior_name(told)}{extra}"
    return units.make("attack", name, batch, told, ("recipe", "official"), "optimise_batch")


def select(shop: Workshop, attack: Attack, attacked: Sequence[int]) -> Work:
    """Every candidate rendered once and rated under many transforms."""
    settings, target = shop.study.attack(attack), attack.target
    classes, each = len(attacked), _candidates(settings)
    recipe, made = settings["selection"], SelectionRecipe.of(settings["selection"])
    transforms, rendered = made.iterations, min(shop.batches.forward, each)
    side, batch = shop.study.image_px(target), min(shop.batches.forward, transforms * each)
    size = classes * made.n_selected * (shop.w_bytes(settings["pool"]) + LONG + FLOAT)
    if transforms == 0:
        return Work(outputs={"latents": size}, host_bytes=2 * size)
    rate = rating(shop.study, target, batch, recipe)
    prior = shop.study.prior_of(attack)
    render = units.render(shop.study, prior, side, rendered, recipe)
    # Two matrices for each box of a pass: one box an image, or one an iteration.
    boxes = batch if made.crop == "per_image" else batch // each + 2
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


def rating(study: Study, target: Target, batch: int, recipe: Settings) -> Unit:
    """One image cut at random, resized and rated by a frozen classifier."""
    settings = {
        **units.classifier(study, target.dataset, target.architecture),
        **units.precision(recipe),
    }
    return units.make("rate", units.classifier_name(settings), batch, settings)


COSTS = {"sample": sample, "optimise": optimise, "select": select}
"""Role -> work of that stage for some classes."""
