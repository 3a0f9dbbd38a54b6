"""Settings of BREP-MI that are possible alone and do not fit one another."""

from collections.abc import Iterator

from mirage.attacks.declaration import Settings
from mirage.attacks.kinds.brep.recipe import BrepRecipe


def misfits(settings: Settings, pool: Settings, prior: Settings) -> Iterator[str]:
    """Yield numbers that do not fit one another, as ``key: problem`` texts."""
    recipe = BrepRecipe.of(settings["brep"])
    if recipe.pass_limit < recipe.patience:
        yield (
            f"brep.pass_limit: {recipe.pass_limit} spheres end every class, "
            f"before {recipe.patience} steps without growth do"
        )
