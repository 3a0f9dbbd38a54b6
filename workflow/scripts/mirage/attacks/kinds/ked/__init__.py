"""KED-MI's distributional recovery (Chen et al. 2021), and LOMMA on it."""

from typing import Any

from mirage.attacks.declaration import AttackKind, AttackStage, Misfits
from mirage.attacks.kinds.ked.recipe import KedRecoveryRecipe
from mirage.registry import Registry

RUN: Registry[Any] = Registry(__name__, "run")
CHECKS: Registry[Misfits] = Registry(__name__, "misfits")
COSTS: Registry[Any] = Registry(__name__, "COSTS")

KIND = AttackKind(
    stages=(
        AttackStage(
            "recover", "recovered", "ked", KedRecoveryRecipe,
            reads=("weights", "generator", "discriminator"),
            on_demand={"public": "feature_weight", "students": "students"},
            batch="optimise_batch", together="batch_size",
        ),
    ),
    images_per_class=lambda settings: KedRecoveryRecipe.of(settings["ked"]).n_samples,
    run=RUN,
    checks=CHECKS,
    costs=COSTS,
    priors=("ked",),
)  # fmt: skip
