"""What the low-resolution attacks recover: the columns of Table 8, queries and variety."""

from typing import Any

from mirage.evaluation.measure import Case, Measure
from mirage.evaluation.measures.recovery.recipe import RecoveryRecipe
from mirage.registry import Registry


def _run(case: Case) -> dict[str, Any]:
    from mirage.attacks.results import Reconstructed, load_result
    from mirage.evaluation.measures.recovery.readings import recovery
    from mirage.evaluation.stored import AttackFeatures, RealFeatures

    outcome = load_result(Reconstructed, case.inputs["outcome"])
    return recovery(
        AttackFeatures.load(case.inputs["features"]),
        RealFeatures.load(case.inputs["real"]),
        outcome.found.numpy(),
        outcome.queries.numpy(),
        RecoveryRecipe.of(case.settings),
    )


COSTS: Registry[Any] = Registry(__name__, "COST")

MEASURE = Measure(
    RecoveryRecipe,
    ("features", "real", "outcome"),
    _run,
    COSTS,
    roles=("evaluator", "fid", "compatible_fid"),
    device=False,
)
