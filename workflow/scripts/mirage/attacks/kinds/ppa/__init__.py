"""Plug & Play Attacks (Struppek et al. 2022; paper B.4): sample, optimise, select."""

from typing import Any

from mirage.attacks.declaration import Kind, Misfits, Stage
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe, SamplingRecipe, SelectionRecipe
from mirage.registry import Registry

RUN: Registry[Any] = Registry(__name__, "run")
CHECKS: Registry[Misfits] = Registry(__name__, "misfits")
COSTS: Registry[Any] = Registry(__name__, "COSTS")

KIND = Kind(
    stages=(
        Stage(
            "sample", "candidates", "sampling", SamplingRecipe,
            reads=("weights", "pool"), cut=False,
        ),
        Stage(
            "optimise", "optimised", "optimisation", OptimisationRecipe,
            reads=("weights", "before", "generator"),
            on_demand={"discriminator": "discriminator_weight", "pool": "feature_weight"},
            batch="optimise_batch",
        ),
        Stage(
            "select", "selected", "selection", SelectionRecipe,
            reads=("weights", "before", "generator"),
        ),
    ),
    run=RUN,
    checks=CHECKS,
    costs=COSTS,
)  # fmt: skip
