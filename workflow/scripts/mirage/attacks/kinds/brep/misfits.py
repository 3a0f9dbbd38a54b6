"""Settings of BREP-MI that are possible alone and do not fit one another."""

from collections.abc import Iterator

from mirage.attacks.declaration import Settings
from mirage.attacks.kinds.brep.recipe import RecoveryRecipe


def misfits(settings: Settings, pool: Settings, prior: Settings) -> Iterator[str]:
    """Yield numbers that do not fit one another, as ``key: problem`` texts."""
    recipe = RecoveryRecipe.of(settings["recovery"])
    if recipe.pass_limit < recipe.patience:
        yield (
            f"recovery.pass_limit: {recipe.pass_limit} spheres end every class, "
            f"before {recipe.patience} steps without growth do"
        )
