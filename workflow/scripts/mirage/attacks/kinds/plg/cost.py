"""What PLG-MI's attack costs."""

from collections.abc import Sequence

from mirage.attacks.kinds.plg.recipe import PlgAttackRecipe
from mirage.forecast import units
from mirage.forecast.units import Batches, Unit
from mirage.forecast.work import FLOAT, LONG, Work, Workshop
from mirage.study.cells import Attack
from mirage.study.study import Study

_BLOCK = 25  # as ``draws.BLOCK``, which planning cannot import
_DRAWN = 200  # bytes of a view's draws, as they are made


def recover(shop: Workshop, attack: Attack, attacked: Sequence[int]) -> Work:
    """Steps of every restart, then each result judged once."""
    study, target = shop.study, attack.target
    recipe = PlgAttackRecipe.of(study.attack(attack)["plg"])
    prior, side = study.prior_of(attack), study.image_px(target)
    unit, z = plg_step(study, attack, recipe, shop.batches), shop.z_bytes(prior)
    count = len(attacked) * recipe.restarts
    render = units.render(study, prior, side, shop.batches.forward, {"precision": recipe.precision})
    judge = shop.classify(target)
    return Work(
        calls=(
            (unit, float(count * recipe.steps)), (render, float(count)), (judge, float(count)),
        ),
        outputs={"latents": count * (z + FLOAT) + len(attacked) * (2 * LONG + 1)},
        host_bytes=4 * count * z
        + unit.batch * _BLOCK * recipe.n_views * _DRAWN
        + shop.weigh(judge),
        state_bytes=count * (z + FLOAT) + 3 * unit.batch * z,
    )  # fmt: skip


def plg_step(study: Study, attack: Attack, recipe: PlgAttackRecipe, batches: Batches) -> Unit:
    """One latent of a step: rendered once, and its views classified."""
    told = {
        **units.classifier(study, attack.target.dataset, attack.target.architecture),
        **units.prior(study, study.prior_of(attack)),
        "n_views": recipe.n_views,
        **units.precision({"precision": recipe.precision}),
    }
    # A device batch holds all restarts of whole classes, at least of one.
    batch = max(batches.optimise // recipe.restarts, 1) * recipe.restarts
    name = f"{recipe.n_views} views by {units.classifier_name(told)} from {units.prior_name(told)}"
    return units.make("plg", name, batch, told, setting="optimise_batch")


COSTS = {"recover": recover}
"""Role -> work of that stage for some classes."""
