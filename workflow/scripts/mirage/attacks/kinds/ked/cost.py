"""What KED-MI's recovery costs."""

from collections.abc import Sequence

from mirage.attacks.inversion_cost import recovery
from mirage.attacks.kinds.ked.recipe import KedRecoveryRecipe
from mirage.forecast.work import Work, Workshop
from mirage.study.cells import Attack

_KEPT = 6  # mean and log-variance, each with two moments


def recover(shop: Workshop, attack: Attack, attacked: Sequence[int]) -> Work:
    """One distribution of every class, and draws of it."""
    recipe = KedRecoveryRecipe.of(shop.study.attack(attack)["ked"])
    return recovery(shop, attack, attacked, recipe, 1, recipe.n_samples, _KEPT)


COSTS = {"recover": recover}
"""Role -> work of that stage for some classes."""
