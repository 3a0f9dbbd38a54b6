"""What a classifier is, and what its builder is told."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor, nn

from mirage.targets.recipe import Auxiliary


class Classifier(nn.Module):
    """A trunk that makes penultimate activations and a linear head on top.

    Attributes:
        name: of the architecture.
        classes: number of logits K.
        channels: colour channels of its images.
        auxiliary: fidelity of the auxiliary head, where the architecture has one.
        auxiliary_weight: weight of the auxiliary head's loss.
        stages: hidden activations a treatment may ask for: name -> submodule whose output it is.
    """

    name = ""
    auxiliary: Auxiliary = "paper"
    auxiliary_weight = 0.0
    stages: Mapping[str, str] = MappingProxyType({})

    def __init__(self, trunk: nn.Module, head: nn.Linear, channels: int) -> None:
        """Join trunk and head."""
        super().__init__()
        self.trunk, self.head = trunk, head
        self.classes, self.channels = head.out_features, channels

    def features(self, x: Tensor) -> Tensor:
        """Penultimate activations [N, D] of images [N, C, H, W] in [-1, 1]."""
        activations: Tensor = self.trunk(x)
        return activations

    def expect_bottleneck(self) -> None:
        """Leave out what a bottleneck in the head's place shall not see; here nothing."""

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
