"""One episode of one class of RLB-MI."""

from mirage.attacks.kinds.rlb.recipe import RlbRecipe
from mirage.attacks.kinds.rlb.search import Search
from mirage.forecast.loops import Loop
from mirage.forecast.loops._parts import classifier, pipeline
from mirage.forecast.units import Settings
from mirage.numerics import at_precision
from mirage.runtime.checkpoint import Checkpoint


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Take the episodes from the first with an update on, over and over."""
    recipe = RlbRecipe.of(settings["recipe"])
    prior, target = pipeline(settings, device), classifier(settings, device)
    classes = [place % settings["classes"] for place in range(batch)]
    rated = at_precision(target, recipe.precision)
    search = Search(recipe, classes, prior, rated, 0, device)
    # What the replay would hold by then has no part in the work.
    search.entries[: recipe.batch_size].zero_()
    search.rewards[: recipe.batch_size].zero_()

    def once(checkpoint: Checkpoint) -> None:
        for step in range(recipe.batch_size, recipe.episodes):
            search.take(step)
            checkpoint.tick(dict)

    return once
