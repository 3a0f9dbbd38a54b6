"""What GMI costs."""

from collections.abc import Sequence

from mirage.attacks.inversion_cost import recovery
from mirage.attacks.kinds.gmi.recipe import GmiRecoveryRecipe
from mirage.forecast.work import Work, Workshop
from mirage.study.cells import Attack

_KEPT = 2  # latents and velocities


def recover(shop: Workshop, attack: Attack, attacked: Sequence[int]) -> Work:
    """Every restart of every class."""
    recipe = GmiRecoveryRecipe.of(shop.study.attack(attack)["gmi"])
    return recovery(shop, attack, attacked, recipe, recipe.restarts, recipe.restarts, _KEPT)


COSTS = {"recover": recover}
"""Role -> work of that stage for some classes."""
