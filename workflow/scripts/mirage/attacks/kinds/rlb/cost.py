"""What RLB-MI costs."""

from collections.abc import Sequence

from mirage.attacks.kinds.rlb.recipe import RlbRecipe
from mirage.forecast import units
from mirage.forecast.units import Batches, Unit
from mirage.forecast.work import FLOAT, LONG, Work, Workshop
from mirage.study.cells import Attack
from mirage.study.study import Study

_KEPT = 3  # a weight and Adam's two moments


def recover(shop: Workshop, attack: Attack, attacked: Sequence[int]) -> Work:
    """Every episode of every class; the replay holds a state and an action of each."""
    study, count = shop.study, len(attacked)
    recipe = RlbRecipe.of(study.attack(attack)["rlb"])
    z = shop.z_bytes(study.prior_of(attack))
    unit = episode(study, attack, count, shop.batches)
    replay = unit.batch * recipe.episodes * (2 * z + FLOAT)
    hidden, dims = recipe.hidden, z // FLOAT
    weights = (5 * dims + 2 * hidden) * hidden * FLOAT  # of actor and critic
    return Work(
        calls=((unit, float(count * recipe.episodes)),),
        outputs={"latents": count * (z + FLOAT + 2 * LONG + 1)},
        host_bytes=replay + shop.weigh(shop.classify(attack.target)),  # read back after a kill
        state_bytes=replay + unit.batch * _KEPT * weights,
    )


def episode(study: Study, attack: Attack, count: int, batches: Batches) -> Unit:
    """One episode of one class: images rendered and classified, and one update."""
    target, settings = attack.target, study.attack(attack)["rlb"]
    images = 2 if RlbRecipe.of(settings).keep == 0 else 3
    told = {
        **units.classifier(study, target.dataset, target.architecture),
        **units.prior(study, study.prior_of(attack)),
        **units.precision(settings),
        "recipe": dict(settings),
    }
    batch = min(max(batches.forward // images, 1), count)
    words = f"rlb of {units.classifier_name(told)} from {units.prior_name(told)}"
    return units.make("rlb", words, batch, told)


COSTS = {"recover": recover}
"""Role -> work of that stage for some classes."""
