"""GMI (Zhang et al. 2020, as KED-MI's and LOMMA's code have it), and LOMMA on it."""

from typing import Any

from mirage.attacks.declaration import AttackKind, AttackStage, Misfits
from mirage.attacks.kinds.gmi.recipe import GmiRecoveryRecipe
from mirage.registry import Registry

RUN: Registry[Any] = Registry(__name__, "run")
CHECKS: Registry[Misfits] = Registry(__name__, "misfits")
COSTS: Registry[Any] = Registry(__name__, "COSTS")

KIND = AttackKind(
    stages=(
        AttackStage(
            "recover", "recovered", "gmi", GmiRecoveryRecipe,
            reads=("weights", "generator", "discriminator"),
            on_demand={"public": "feature_weight", "students": "students"},
            batch="optimise_batch", together="batch_size",
        ),
    ),
    images_per_class=lambda settings: GmiRecoveryRecipe.of(settings["gmi"]).restarts,
    run=RUN,
    checks=CHECKS,
    costs=COSTS,
    priors=("wgan",),
)  # fmt: skip
