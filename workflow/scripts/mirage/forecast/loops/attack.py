"""One latent of an optimisation step."""

from dataclasses import replace

import torch

from mirage.attacks.given import Given
from mirage.attacks.kinds.ppa.optimise import optimise_latents
from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe
from mirage.attacks.terms import FeatureStatistics
from mirage.forecast.loops import Loop
from mirage.forecast.loops._parts import classifier, pipeline
from mirage.forecast.units import Settings
from mirage.priors.shapes import DiscriminatorConfig
from mirage.priors.stylegan2.discriminator import Discriminator
from mirage.priors.weights import frozen
from mirage.runtime.checkpoint import Checkpoint


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Optimise latents in whole official batches."""
    recipe = OptimisationRecipe.of(settings["recipe"])
    recipe = replace(recipe, batch_size=min(recipe.batch_size, batch))
    images, target = pipeline(settings, device), classifier(settings, device)
    discriminator = statistics = None
    if recipe.discriminator_weight > 0:
        config = DiscriminatorConfig.of(settings["discriminator"])
        discriminator = frozen(Discriminator(config), device)
    if recipe.feature_weight > 0:
        width = torch.ones(target.head.in_features, device=device)
        statistics = FeatureStatistics(0 * width, width)
    official = batch // recipe.batch_size
    latents = torch.zeros(official, recipe.batch_size, images.generator.w_dim)

    def once(checkpoint: Checkpoint) -> None:
        given = Given(
            {}, {}, range(official), settings["image_px"], 0, 0, device, batch, checkpoint
        )
        optimise_latents(given, recipe, images, target, latents, discriminator, statistics)

    return once
