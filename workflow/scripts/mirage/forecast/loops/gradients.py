"""One latent of a step whose gradients are kept."""

import torch

from mirage.attacks.kinds.ppa.recipe import OptimisationRecipe
from mirage.evaluation.measures.gradients.pairs import Pairs
from mirage.evaluation.measures.gradients.walk import WalkedModel, walk
from mirage.forecast.loops import Loop
from mirage.forecast.loops._parts import classifier, pipeline
from mirage.forecast.units import Settings
from mirage.runtime.checkpoint import Checkpoint


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Walk with one batch."""
    images = pipeline(settings, device)
    model = WalkedModel(
        images,
        classifier(settings, device),
        settings["image_px"],
        OptimisationRecipe.of(settings["recipe"]),
    )
    pairs = Pairs(torch.zeros(batch, images.generator.w_dim), torch.zeros(batch).long())

    def once(checkpoint: Checkpoint) -> None:
        walk(model, pairs, [model.recipe.loss], 0, batch, device, checkpoint)

    return once
