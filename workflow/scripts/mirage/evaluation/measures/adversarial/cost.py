"""What the adversarial measure costs."""

from dataclasses import replace

from mirage.evaluation.measures.adversarial.recipe import AdversarialRecipe
from mirage.forecast import units
from mirage.forecast.units import Batches, Unit
from mirage.forecast.work import LONG, Work, Workshop
from mirage.study.cells import Target
from mirage.study.study import Study

_MODES, _JUDGED = 2, 11
"""Untargeted and targeted; passes that judge unchanged images and results."""
_ARRAYS = 17
"""Kept of each image: see ``attacking.attack_all``."""
_DRAWN_S = 0.0015
"""Seconds on one core of an image's random numbers (measured)."""


def cost(shop: Workshop, target: Target) -> Work:
    """Gradients of every attack and check, and all generations of the one-pixel attack."""
    study = shop.study
    recipe = AdversarialRecipe.of(shop.study.measure("adversarial", target.dataset))
    count = shop.images(target.dataset).test
    unit = step(study, target, recipe, shop.batches)
    settings = {"precision": recipe.precision}
    judge = replace(
        units.classify(study, target.dataset, target.architecture, shop.batches.optimise, settings),
        setting="optimise_batch",
    )
    gradients = _MODES * (1 + 2 * recipe.steps) + 2 * recipe.steps + 1 + recipe.apgd_steps
    members = recipe.members(study.dataset(target.dataset)["recipe"]["channels"])
    searched = _MODES * members * (1 + recipe.generations)
    view = study.architecture(target.architecture)["view"]
    return Work(
        calls=((unit, float(count * gradients)), (judge, float(count * (searched + _JUDGED)))),
        outputs={"arrays": count * _ARRAYS * LONG},
        light_s=count * _DRAWN_S,
        host_bytes=shop.view_bytes(target.dataset, view, count) + shop.weigh(judge),
        state_bytes=count * _ARRAYS * LONG,
    )


def step(study: Study, target: Target, recipe: AdversarialRecipe, batches: Batches) -> Unit:
    """One image of a step along its gradient."""
    told = {
        **units.classifier(study, target.dataset, target.architecture),
        "precision": recipe.precision,
    }
    return units.make(
        "perturb", units.classifier_name(told), batches.optimise, told, setting="optimise_batch"
    )


COST = cost
