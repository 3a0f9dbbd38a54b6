"""BREP-MI (Kahla et al., CVPR 2022; paper C.5): boundary repulsion, from labels alone."""

from typing import Any

from mirage.attacks.declaration import AttackKind, AttackStage, Misfits
from mirage.attacks.kinds.brep.recipe import BrepRecipe
from mirage.registry import Registry

RUN: Registry[Any] = Registry(__name__, "run")
CHECKS: Registry[Misfits] = Registry(__name__, "misfits")
COSTS: Registry[Any] = Registry(__name__, "COSTS")

KIND = AttackKind(
    stages=(
        AttackStage("recover", "recovered", "brep", BrepRecipe, reads=("weights", "generator")),
    ),
    images_per_class=lambda settings: 1,
    run=RUN,
    checks=CHECKS,
    costs=COSTS,
    priors=("wgan", "ked"),
)
