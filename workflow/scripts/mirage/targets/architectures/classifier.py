"""What a classifier is, and the table of architectures."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mirage import streams
from mirage.errors import MirageError
from mirage.recipes import require
from mirage.targets.hooks import STAGES
from mirage.targets.recipe import Auxiliary
from mirage.visible import listed


class Classifier(nn.Module):
    """A trunk that makes penultimate activations and a linear head on top.

    Attributes:
        name: registered name of the architecture.
        classes: number of logits K.
        channels: colour channels of its images.
        image_px: side of the images it was designed for; None if any size will do.
        auxiliary: fidelity of the auxiliary head, where the architecture has one.
        auxiliary_weight: weight of the auxiliary head's loss.
        stages: hidden activations a treatment may ask for: name -> submodule whose output it is.
    """

    name = ""
    auxiliary: Auxiliary = "paper"
    auxiliary_weight = 0.0
    stages: Mapping[str, str] = MappingProxyType({})

    def __init__(
        self, trunk: nn.Module, head: nn.Linear, channels: int, image_px: int | None = None
    ) -> None:
        """Join trunk and head."""
        super().__init__()
        self.trunk, self.head = trunk, head
        self.classes, self.channels, self.image_px = head.out_features, channels, image_px

    def features(self, x: Tensor) -> Tensor:
        """Penultimate activations [N, D] of images [N, C, H, W] in [-1, 1]."""
        activations: Tensor = self.trunk(x)
        return activations

    @property
    def noise_width(self) -> int:
        """Normal values that a pass takes for each image; see ``mirage.targets.noise``."""
        return int(getattr(self.head, "noise_width", 0))

    def forward(self, x: Tensor, *noise: Tensor) -> Tensor:
        """Logits [N, K] of images [N, C, H, W] in [-1, 1], and noise if there is any."""
        logits: Tensor = self.head(self.features(x), *noise)
        return logits

    def training_logits(self, x: Tensor, *noise: Tensor) -> tuple[Tensor, Tensor | None]:
        """Logits [N, K] and those of an auxiliary head, if the architecture has one."""
        return self(x, *noise), None

    def freeze(self) -> "Classifier":
        """Switch to eval mode and stop all gradients of the weights."""
        return self.eval().requires_grad_(False)


class Blueprint(NamedTuple):
    """What a builder is told.

    Attributes:
        classes: number of classes K.
        channels: colour channels.
        init: file with ImageNet weights; None starts from random weights.
        auxiliary: fidelity of the auxiliary head.
        generator: stream of the random weights.
    """

    classes: int
    channels: int
    init: Path | None
    auxiliary: Auxiliary
    generator: torch.Generator


Builder = Callable[[Blueprint], Classifier]
_BUILDERS: dict[str, Builder] = {}


def register(name: str) -> Callable[[Builder], Builder]:
    """Enter a builder into the table of architectures."""

    def enter(builder: Builder) -> Builder:
        _BUILDERS[name] = builder
        return builder

    return enter


def names() -> list[str]:
    """Registered architectures, sorted."""
    return sorted(_BUILDERS)


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
        name: a registered architecture.
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
    if name not in _BUILDERS:
        raise MirageError(
            f"there is no architecture {name!r}",
            f"one of {listed(names())}",
            "correct the configuration",
        )
    require(classes >= 2, "classes", classes, "at least two classes")
    generator = streams.generator(seed, "targets", "initialisation", name)
    model = _BUILDERS[name](Blueprint(classes, channels, init, auxiliary, generator))
    model.name, model.stages = name, STAGES.get(name, model.stages)
    return model
