"""One latent of a step of PLG-MI."""

from mirage.attacks.given import Given
from mirage.attacks.kinds.plg.recipe import PlgAttackRecipe
from mirage.attacks.kinds.plg.recover import recover_latents
from mirage.forecast.loops import Loop
from mirage.forecast.loops._parts import classifier, pipeline
from mirage.forecast.units import Settings
from mirage.numerics import at_precision
from mirage.runtime.checkpoint import Checkpoint

_ENDLESS = 10**9


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Descend, each latent a class of its own."""
    precision, prior = settings["precision"], pipeline(settings, device)
    target = at_precision(classifier(settings, device), precision)
    recipe = PlgAttackRecipe(1, _ENDLESS, n_views=settings["n_views"], precision=precision)
    classes = [place % settings["classes"] for place in range(batch)]
    image_px, crop_px = settings["image_px"], settings["crop_px"]

    def once(checkpoint: Checkpoint) -> None:
        given = Given({}, {}, classes, image_px, crop_px, 0, device, batch, checkpoint)
        recover_latents(given, recipe, prior.generate, prior.z_dim, target)

    return once
