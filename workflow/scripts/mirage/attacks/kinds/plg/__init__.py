"""PLG-MI (Yuan et al., AAAI 2023; paper C.5): max-margin loss under random views."""

from typing import Any

from mirage.attacks.declaration import AttackKind, AttackStage, Misfits
from mirage.attacks.kinds.plg.recipe import PlgAttackRecipe
from mirage.registry import Registry

RUN: Registry[Any] = Registry(__name__, "run")
CHECKS: Registry[Misfits] = Registry(__name__, "misfits")
COSTS: Registry[Any] = Registry(__name__, "COSTS")

KIND = AttackKind(
    stages=(
        AttackStage(
            "recover", "recovered", "plg", PlgAttackRecipe, reads=("weights", "generator"),
            batch="optimise_batch",
        ),
    ),
    images_per_class=lambda settings: PlgAttackRecipe.of(settings["plg"]).restarts,
    run=RUN,
    checks=CHECKS,
    costs=COSTS,
    priors=("plg",),
)  # fmt: skip
