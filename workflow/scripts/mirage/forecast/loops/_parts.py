"""What several loops are made of: networks with random weights, passes."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from mirage.forecast.loops import Loop
from mirage.forecast.units import Settings, Unit
from mirage.numerics import at_precision
from mirage.priors.kinds import KINDS, RENDERINGS
from mirage.priors.weights import frozen
from mirage.runtime.checkpoint import Checkpoint
from mirage.targets.architectures import Classifier, build


def passes(work: Callable[[], Any]) -> Loop:
    """One forward pass, then a tick."""

    def once(checkpoint: Checkpoint) -> None:
        with torch.inference_mode():
            work()
        checkpoint.tick(dict)

    return once


def pipeline(settings: Settings, device: str) -> Any:
    """What renders a generator's latents, of whichever kind (``priors.rendering.Rendering``)."""
    kind = settings.get("prior", "stylegan2")
    network = KINDS[kind]["generator"]
    generator = frozen(network.build(network.config.of(settings["generator"])), device)
    return RENDERINGS[kind](generator, settings["crop_px"], settings.get("precision", "fp32"))


def classifier(settings: Settings, device: str) -> Classifier:
    """A frozen classifier."""
    model = build(settings["architecture"], settings["classes"], settings["channels"])
    return model.to(device).freeze()


def passing(settings: Settings, device: str) -> Callable[[Tensor], Tensor]:
    """A frozen classifier for forward passes alone, at the unit's precision."""
    model: Callable[[Tensor], Tensor] = at_precision(
        classifier(settings, device), settings["precision"]
    )
    return model


def weights(unit: Unit) -> int:
    """Bytes of a network that a unit runs alone, as its file holds them; 0 for other units."""
    if unit.kind == "classify":
        network: nn.Module = classifier(unit.settings, "cpu")
    elif unit.kind == "render":
        network = pipeline(unit.settings, "cpu").generator
    else:
        return 0
    return sum(tensor.nbytes for tensor in network.state_dict().values())
