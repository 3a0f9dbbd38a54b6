"""One latent of a step of GMI or KED-MI."""

from typing import Any

from mirage.attacks.given import Given
from mirage.attacks.inversion_loss import InversionLoss
from mirage.attacks.kinds.gmi import recover as gmi
from mirage.attacks.kinds.gmi.recipe import GmiRecoveryRecipe
from mirage.attacks.kinds.ked import recover as ked
from mirage.attacks.kinds.ked.recipe import KedRecoveryRecipe
from mirage.attacks.losses import LOSSES
from mirage.attacks.tapped import TappedTarget
from mirage.forecast.loops import Loop
from mirage.forecast.loops._parts import classifier, pipeline
from mirage.forecast.units import Settings
from mirage.numerics import at_precision
from mirage.priors.kinds import KINDS
from mirage.priors.weights import frozen
from mirage.runtime.checkpoint import Checkpoint

_ENDLESS = 10**9


def make(settings: Settings, batch: int, device: str) -> Loop:
    """Descend in whole official batches; terms of the loss without a network cost nothing."""
    precision, official = settings["precision"], min(settings["official"], batch)
    network = KINDS[settings["prior"]]["discriminator"]
    critic = frozen(network.build(network.config.of(settings["discriminator"])), device)
    prior = pipeline(settings, device)
    target = TappedTarget(classifier(settings, device), precision)
    students = [
        at_precision(classifier({**settings, "architecture": name}, device), precision)
        for name in settings["students"]
    ]
    of_gmi = settings["attack"] == "gmi"
    doubt = gmi.doubt_of(critic) if of_gmi else ked.doubt_of(critic)
    goal = InversionLoss(prior.generate, doubt, target, LOSSES["identity"], students)
    classes = [place % settings["classes"] for place in range(batch // official * official)]
    shared: dict[str, Any] = {"steps": _ENDLESS, "batch_size": official, "precision": precision}

    def once(checkpoint: Checkpoint) -> None:
        given = Given({}, {}, classes, settings["image_px"], 0, 0, device, batch, checkpoint)
        if of_gmi:
            gmi.recover_points(given, GmiRecoveryRecipe(restarts=1, **shared), goal, prior.z_dim)
        else:
            ked.recover_distributions(given, KedRecoveryRecipe(**shared), goal, prior.z_dim)

    return once
