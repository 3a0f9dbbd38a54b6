"""Networks by name: the published ones (torchvision, 64 px) and small ones for the demo."""

from pathlib import Path

from mirage import streams
from mirage.errors import MirageError
from mirage.recipes import require
from mirage.targets.architectures import efficientnet, imagenet, lowres, mini
from mirage.targets.architectures.classifier import Blueprint, Classifier
from mirage.targets.hooks import STAGES
from mirage.targets.recipe import Auxiliary
from mirage.visible import listed

__all__ = ["BUILDERS", "Classifier", "build"]

BUILDERS = {
    **imagenet.BUILDERS,
    **efficientnet.BUILDERS,
    **lowres.BUILDERS,
    **mini.BUILDERS,
}


def build(
    name: str,
    classes: int,
    channels: int,
    init: Path | None = None,
    seed: int = 0,
    auxiliary: Auxiliary = "paper",
) -> Classifier:
    """Build a classifier on the CPU, in training mode.

    Args:
        name: one of ``BUILDERS``.
        classes: number of classes K, at least 2.
        channels: colour channels of the images.
        init: safetensors or ``.pth`` state dict with torchvision's ImageNet weights; all but the
            last linear layer start from it. None: random weights.
        seed: seed of the random weights; they depend on it, the architecture and K alone.
        auxiliary: ``paper`` leaves an auxiliary head its 1,000 ImageNet outputs and weight 1.0;
            ``corrected`` replaces it and uses the architecture's own weight 0.4.

    Raises:
        MirageError: no such architecture, or one that cannot take these channels or weights.
    """
    if name not in BUILDERS:
        raise MirageError(
            f"there is no architecture {name!r}",
            f"one of {listed(sorted(BUILDERS))}",
            "correct the configuration",
        )
    require(classes >= 2, "classes", classes, "at least two classes")
    generator = streams.generator(seed, "targets", "initialisation", name)
    model = BUILDERS[name](Blueprint(classes, channels, init, auxiliary, generator))
    model.name, model.stages = name, STAGES.get(name, model.stages)
    return model
