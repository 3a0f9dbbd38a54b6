"""Settings of PPA that are possible alone and do not fit one another."""

from collections.abc import Iterator

from mirage import grouping
from mirage.attacks.declaration import Settings
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe, SamplingRecipe, SelectionRecipe


def misfits(settings: Settings, pool: Settings, prior: Settings) -> Iterator[str]:
    """Yield numbers that do not fit one another, as ``key: problem`` texts."""
    candidates = SamplingRecipe.of(settings["sampling"]).candidates_per_class
    selection = SelectionRecipe.of(settings["selection"])
    selected = selection.n_selected
    optimisation = OptimisationRecipe.of(settings["optimisation"])
    if candidates > pool["size"]:
        yield (
            f"sampling.candidates_per_class: {candidates} candidates, "
            f"but the pool {settings['pool']} holds {pool['size']}. Expected: no more than those"
        )
    if selected > candidates:
        yield (
            f"selection.n_selected: {selected} of only {candidates} optimised candidates per class"
        )
    if selection.iterations == 0 and selected < candidates:
        yield f"selection.iterations: 0 rates nothing, but {selected} of {candidates} shall be kept"
    if optimisation.discriminator_weight > 0:
        discriminator = prior.get("source", {}).get("recipe", {}).get("discriminator", {})
        group = discriminator.get("deviation_group", grouping.GROUP)
        problem = grouping.misfit(candidates, optimisation.batch_size, group)
        if problem:
            yield f"optimisation.batch_size: {problem}"
