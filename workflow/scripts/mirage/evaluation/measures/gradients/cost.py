"""What the gradient measure costs."""

from collections.abc import Mapping
from typing import Any

from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe
from mirage.evaluation.measures.gradients.recipe import GradientsRecipe
from mirage.forecast import units
from mirage.forecast.units import Batches, Unit
from mirage.forecast.work import FLOAT, Work, Workshop
from mirage.study.cells import Attack, Target
from mirage.study.study import Study

_ARRAYS, _PLACES = 11, 4
"""Kept of each step of each pair: see ``walk.walk``."""


def cost(shop: Workshop, target: Target) -> Work:
    """Steps of every pair, once for each loss."""
    study, recipe = shop.study, GradientsRecipe.of(shop.study.measure("gradients", target.dataset))
    attack = study.attack(Attack(target, recipe.attack))
    unit = step(study, target, attack, shop.batches)
    steps = OptimisationRecipe.of(attack["optimisation"]).steps
    each = steps * len(recipe.losses)
    size = recipe.pairs * each * _ARRAYS * FLOAT
    crop = shop.image_bytes(
        target.dataset, study.prior(study.pool(attack["pool"])["prior"])["crop_px"]
    )
    last = FLOAT * unit.batch * _PLACES * crop  # the gradients of the step before
    return Work(
        calls=((unit, float(recipe.pairs * each)),),
        outputs={"arrays": size},
        host_bytes=3 * size + last + shop.weigh(shop.classify(target)),
        state_bytes=size + last,
    )


def step(study: Study, target: Target, attack: Mapping[str, Any], batches: Batches) -> Unit:
    """One latent of one step, with its gradients."""
    recipe = attack["optimisation"]
    told = {
        **units.classifier(study, target.dataset, target.architecture),
        **units.prior(study, study.pool(attack["pool"])["prior"]),
        **units.precision(recipe),
        "recipe": dict(recipe),
    }
    name = f"{units.classifier_name(told)} from {units.prior_name(told)}"
    return units.make("gradients", name, batches.optimise, told, ("recipe",), "optimise_batch")


COST = cost
