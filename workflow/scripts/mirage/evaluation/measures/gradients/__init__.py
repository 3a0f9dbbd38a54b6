"""Gradients: does their direction persist from one step of an attack to the next?

A measure of targets: latents that nobody selected are optimised as an attack would, and at each
step the gradient of the loss with respect to the image is held against the one before.

Source: paper 4.4, Eq. 4, Figures 6b and 7. No code is published.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from mirage.evaluation.measure import Measured, TargetCase, TargetMeasure
from mirage.evaluation.measures.gradients.recipe import GradientsRecipe
from mirage.registry import Registry
from mirage.study.settings import attack_settings


def _run(case: TargetCase) -> Measured:
    from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe
    from mirage.evaluation.measures.gradients import summary, walk
    from mirage.evaluation.measures.gradients.pairs import draw_pairs
    from mirage.priors.pipeline import ImagePipeline
    from mirage.priors.weights import load_generator
    from mirage.runtime import files
    from mirage.targets.weights import load_classifier

    recipe = GradientsRecipe.of(case.settings)
    pool = files.load_tensors(case.inputs["pool"], "w")["w"]
    arrays = walk.walk(
        walk.WalkedModel(
            ImagePipeline(load_generator(case.inputs["generator"], case.device), case.crop_px),
            load_classifier(case.inputs["weights"], case.device),
            case.image_px,
            OptimisationRecipe.of(case.attack["optimisation"]),
        ),
        draw_pairs(pool, recipe.pairs, case.classes, case.seed),
        recipe.losses,
        case.seed,
        case.batch,
        case.device,
        case.checkpoint,
    )
    plain = {name: values.numpy() for name, values in arrays.items()}
    metrics = {
        loss: {place: summary.overall(summary.of_loss(plain, loss), place) for place in walk.PLACES}
        for loss in recipe.losses
    }
    return Measured({"pairs": recipe.pairs, **metrics}, arrays)


def _misfits(settings: Mapping[str, Any], scale: Mapping[str, Any]) -> Iterator[str]:
    """An attack without an optimisation like PPA's, or a pool that is too small."""
    recipe = GradientsRecipe.of(settings)
    for dataset in dict.fromkeys(grid["dataset"] for grid in scale["targets"]):
        attack = attack_settings(scale, recipe.attack, dataset)
        if not {"optimisation", "pool"} <= set(attack):
            yield f"attack: {recipe.attack} has no optimisation to follow, or no pool"
        elif (size := scale["pools"][attack["pool"]]["size"]) < recipe.pairs:
            yield f"pairs: {recipe.pairs}, but the pool {attack['pool']} holds {size}"


COSTS: Registry[Any] = Registry(__name__, "COST")

MEASURE = TargetMeasure(
    GradientsRecipe, ("weights", "generator", "pool"), _run, COSTS, "optimise_batch", _misfits
)
