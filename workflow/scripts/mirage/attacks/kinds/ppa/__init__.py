"""Plug & Play Attacks (Struppek et al. 2022; paper B.4): sample, optimise, select."""

from typing import Any

from mirage.attacks.declaration import AttackKind, AttackStage, Misfits
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe, SamplingRecipe, SelectionRecipe
from mirage.registry import Registry

RUN: Registry[Any] = Registry(__name__, "run")
CHECKS: Registry[Misfits] = Registry(__name__, "misfits")
COSTS: Registry[Any] = Registry(__name__, "COSTS")

KIND = AttackKind(
    stages=(
        AttackStage(
            "sample", "candidates", "sampling", SamplingRecipe,
            reads=("weights", "pool"), cut=False,
        ),
        AttackStage(
            "optimise", "optimised", "optimisation", OptimisationRecipe,
            reads=("weights", "before", "generator"),
            on_demand={"discriminator": "discriminator_weight", "pool": "feature_weight"},
            batch="optimise_batch", compile="optimise",
        ),
        AttackStage(
            "select", "selected", "selection", SelectionRecipe,
            reads=("weights", "before", "generator"),
        ),
    ),
    images_per_class=lambda settings: SelectionRecipe.of(settings["selection"]).n_selected,
    run=RUN,
    checks=CHECKS,
    costs=COSTS,
    priors=("stylegan2",),
)  # fmt: skip
