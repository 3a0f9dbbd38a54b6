"""Backdoor: how many test images of other classes a trigger turns into the backdoor's class.

A measure of targets, poisoned or not: a clean model's share says how much of a success is nobody's
doing. Every trigger is tried on every target.

Source: paper C.9, Table 12. No code is published.
"""

from typing import TYPE_CHECKING, Any

from mirage.evaluation.measure import Measured, TargetCase, TargetMeasure
from mirage.evaluation.measures.backdoor.recipe import BackdoorRecipe
from mirage.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor


def _run(case: TargetCase) -> Measured:
    from mirage.data.views import View
    from mirage.errors import MirageError
    from mirage.numerics import autocast, numerics
    from mirage.streams import generator
    from mirage.targets.backdoor import succeeded
    from mirage.targets.images import network_range
    from mirage.targets.inference import finite_logits
    from mirage.targets.weights import load_classifier

    recipe = BackdoorRecipe.of(case.settings)
    view = View(case.inputs["view"], case.seed)
    images = view.select(view.test)
    labels = images.labels
    if not len(labels):
        raise MirageError(f"{case.inputs['view']} has no test images", "a data set with a split")
    model = load_classifier(case.inputs["weights"], case.device)

    def asked(name: str, show: "Callable[[Tensor], Tensor]") -> "Tensor":
        stream = generator(case.seed, "noise", "backdoor", name)
        logits = finite_logits(model, images, case.device, case.batch, stream, show)
        return logits.argmax(dim=1)

    parts = recipe.made
    with numerics(recipe.precision, case.device), autocast(recipe.precision, case.device):
        arrays = {"labels": labels, "untouched": asked("untouched", network_range)}
        for part in parts:
            channels, image_px = images.pixels.shape[1:3]
            trigger = part.trigger(channels, image_px, case.seed).on(case.device)
            arrays[part.name] = asked(part.name, trigger.show)
    metrics: dict[str, Any] = {
        "images": len(labels),
        "accuracy": float((arrays["untouched"] == labels).double().mean()),
    }
    for part in parts:
        success, count = succeeded(arrays[part.name], labels, part.label)
        untouched, _ = succeeded(arrays["untouched"], labels, part.label)
        metrics[part.name] = {
            "label": part.label,
            "images": count,
            "success": success,
            "untouched": untouched,
        }
    return Measured(metrics, arrays)


COSTS: Registry[Any] = Registry(__name__, "COST")

MEASURE = TargetMeasure(BackdoorRecipe, ("weights", "view"), _run, COSTS)
