"""What the stage of GMI and KED-MI costs."""

from collections.abc import Sequence

from mirage.attacks.inversion_recipe import InversionRecipe
from mirage.forecast import units
from mirage.forecast.units import Batches, Unit
from mirage.forecast.work import FLOAT, LONG, Work, Workshop
from mirage.study.cells import Attack
from mirage.study.study import Study
from mirage.targets.students_recipe import StudentsRecipe

_PUBLIC = 5050  # as ``tapped.PUBLIC_IMAGES``, which planning cannot import


def recovery(
    shop: Workshop,
    attack: Attack,
    attacked: Sequence[int],
    recipe: InversionRecipe,
    restarts: int,
    results: int,
    kept: int,
) -> Work:
    """Steps of every latent, then each result judged once; public images where asked for.

    Args:
        shop: the study.
        attack: of kind ``gmi`` or ``ked``.
        attacked: classes of the job.
        recipe: of the stage.
        restarts: latents of each class that descend.
        results: latents of each class that are left.
        kept: numbers that move, and their moments, per number of a latent.
    """
    study, target = shop.study, attack.target
    prior, side = study.prior_of(attack), study.image_px(target)
    z = shop.z_bytes(prior)
    rows, found = len(attacked) * restarts, len(attacked) * results
    unit = inversion_step(study, attack, recipe, shop.batches, len(attacked))
    render = units.render(study, prior, side, shop.batches.forward, {"precision": recipe.precision})
    judge = shop.classify(target)
    calls = [(unit, float(rows * recipe.steps)), (render, float(found)), (judge, float(found))]
    host = 4.0 * found * z + shop.weigh(judge)
    if recipe.feature_weight > 0:
        source = study.prior(prior)["source"]
        public = shop.images(source["dataset"]).total
        calls.append((judge, float(min(public, _PUBLIC))))
        host += shop.view_bytes(source["dataset"], source["view"])
    for name in students_of(study, attack, recipe):
        host += shop.weigh(units.classify(study, target.dataset, name, shop.batches.forward))
    return Work(
        calls=tuple(calls),
        outputs={"latents": found * (z + FLOAT) + len(attacked) * (2 * LONG + 1)},
        host_bytes=host,
        state_bytes=found * z + unit.batch * kept * z,
    )


def inversion_step(
    study: Study, attack: Attack, recipe: InversionRecipe, batches: Batches, classes: int
) -> Unit:
    """One latent of a step: rendered, doubted, and classified by target and students."""
    target, kind = attack.target, study.attack(attack)["kind"]
    told = {
        **units.classifier(study, target.dataset, target.architecture),
        **units.prior(study, study.prior_of(attack)),
        "attack": kind,
        "students": students_of(study, attack, recipe),
        **units.precision({"precision": recipe.precision}),
    }
    # A device batch holds whole official batches, at least one.
    official = min(recipe.batch_size, classes)
    told["official"] = official
    batch = max(batches.optimise // official, 1) * official
    words = f"{kind} of {units.classifier_name(told)} from {units.prior_name(told)}"
    if told["students"]:
        words += f" with {len(told['students'])} students"
    return units.make("invert", words, batch, told, ("official",), "optimise_batch")


def students_of(study: Study, attack: Attack, recipe: InversionRecipe) -> list[str]:
    """Architectures of the students that the attack asks for."""
    if recipe.students is None:
        return []
    entry = study.students(attack.target, recipe.students)
    return list(StudentsRecipe.of(entry["recipe"]).architectures)
