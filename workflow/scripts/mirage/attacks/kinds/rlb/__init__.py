"""RLB-MI (Han et al. 2023): a policy learns from the target's probabilities what to render."""

from typing import Any

from mirage.attacks.declaration import AttackKind, AttackStage, Misfits
from mirage.attacks.kinds.rlb.recipe import RlbRecipe
from mirage.registry import Registry

RUN: Registry[Any] = Registry(__name__, "run")
CHECKS: Registry[Misfits] = Registry(__name__, "misfits")
COSTS: Registry[Any] = Registry(__name__, "COSTS")

KIND = AttackKind(
    stages=(AttackStage("recover", "recovered", "rlb", RlbRecipe, reads=("weights", "generator")),),
    images_per_class=lambda settings: 1,
    run=RUN,
    checks=CHECKS,
    costs=COSTS,
    priors=("wgan",),
)
