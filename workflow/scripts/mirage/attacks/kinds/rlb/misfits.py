"""Settings that are possible alone and do not fit one another."""

from collections.abc import Iterator

from mirage.attacks.declaration import Settings
from mirage.attacks.kinds.rlb.recipe import RlbRecipe


def misfits(settings: Settings, pool: Settings, prior: Settings) -> Iterator[str]:
    """Yield numbers that do not fit one another, as ``key: problem`` texts."""
    recipe = RlbRecipe.of(settings["rlb"])
    if recipe.episodes <= recipe.batch_size:
        yield (
            f"rlb.episodes: {recipe.episodes}, but the first update needs more than the "
            f"{recipe.batch_size} of batch_size: nothing would be learnt"
        )
