"""Adversarial: how often do small changes of a test image change what a target says of it?

A measure of targets: FGSM, PGD, BIM and the one-pixel attack, untargeted and targeted, on every
test image; and whether the gradients that these follow are there at all. A softmax that says 1 for
a class has no gradient left, and an attack that finds nothing then proves nothing.

Source: paper C.8, Table 11. The check is ours.
"""

from typing import Any

from mirage.evaluation.measure import Measured, TargetCase, TargetMeasure
from mirage.evaluation.measures.adversarial.recipe import AdversarialRecipe
from mirage.registry import Registry


def _run(case: TargetCase) -> Measured:
    from mirage.data.views import View
    from mirage.evaluation.measures.adversarial import drawn_once
    from mirage.evaluation.measures.adversarial.attacking import Attacked, attack_all
    from mirage.evaluation.measures.adversarial.masking import summary
    from mirage.evaluation.measures.adversarial.portion import Attacker
    from mirage.targets.weights import load_classifier

    recipe = AdversarialRecipe.of(case.settings)
    view = View(case.inputs["view"], case.seed)
    targets = drawn_once.targets(view.labels, case.classes, recipe.seed, case.dataset)
    found = attack_all(
        Attacker(
            load_classifier(case.inputs["weights"], case.device),
            recipe, case.dataset, case.seed, case.batch, case.device,
        ),
        Attacked(view.select(view.test), targets[view.test], view.test.tolist()),
        case.checkpoint,
    )  # fmt: skip
    return Measured({"images": len(view.test), **summary(found)}, found)


COSTS: Registry[Any] = Registry(__name__, "COST")

MEASURE = TargetMeasure(AdversarialRecipe, ("weights", "view"), _run, COSTS, "optimise_batch")
