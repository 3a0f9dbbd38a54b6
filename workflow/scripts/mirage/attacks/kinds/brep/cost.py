"""What BREP-MI costs."""

from collections.abc import Sequence

from mirage.attacks.kinds.brep.recipe import BrepRecipe
from mirage.forecast import units
from mirage.forecast.work import FLOAT, LONG, Work, Workshop
from mirage.study.cells import Attack

_PASSES = 2
"""Spheres of a class for each of its patience: growth begins the count anew, and steps are refused.
Nothing sets it before the walk is done."""


def recover(shop: Workshop, attack: Attack, attacked: Sequence[int]) -> Work:
    """The whole search, as for a class that is never seen, and walks of all classes."""
    study, target = shop.study, attack.target
    recipe = BrepRecipe.of(study.attack(attack)["brep"])
    prior, side = study.prior_of(attack), study.image_px(target)
    told, count, z = {"precision": recipe.precision}, len(attacked), shop.z_bytes(prior)
    render = units.render(study, prior, side, shop.batches.forward, told)
    judge = units.classify(study, target.dataset, target.architecture, shop.batches.forward, told)
    passes = min(_PASSES * recipe.patience, recipe.pass_limit)
    asked = float(recipe.start_batches * recipe.start_batch + count * passes * (recipe.points + 1))
    return Work(
        calls=((render, asked), (judge, asked)),
        outputs={"latents": count * (z + FLOAT + 2 * LONG + 1)},
        host_bytes=5 * count * recipe.points * z + shop.weigh(judge),
        state_bytes=count * (3 * z + 8 * LONG),
    )


COSTS = {"recover": recover}
"""Role -> work of that stage for some classes."""
