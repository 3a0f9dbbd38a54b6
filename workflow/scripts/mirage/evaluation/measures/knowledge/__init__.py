"""Knowledge extraction: ξ_train and ξ_test of a student that learns from the attack's images."""

from typing import Any

from mirage.evaluation.measure import Case, Measure
from mirage.evaluation.recipe import KnowledgeRecipe
from mirage.registry import Registry


def _run(case: Case) -> dict[str, float]:
    from mirage.data.views import View
    from mirage.evaluation.student import extract_knowledge
    from mirage.runtime import files

    rendered = files.load_tensors(case.inputs["images"], "images", "labels")
    view = View(case.inputs["view"], case.seed)
    return extract_knowledge(
        rendered["images"],
        rendered["labels"],
        view.select(view.train),
        view.select(view.test),
        KnowledgeRecipe.of(case.settings),
        case.seed,
        case.checkpoint,
        case.device,
        case.inputs.get("init"),
    )


COSTS: Registry[Any] = Registry(__name__, "COST")

MEASURE = Measure(KnowledgeRecipe, ("images", "view", "init"), _run, COSTS)
