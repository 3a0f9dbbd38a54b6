"""What a stage is run with: the files its declaration names, its settings, its classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from mirage.attacks.compiled import UNCOMPILED, Compiling
from mirage.attacks.results import Held, load_result
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.rendering import Prior
from mirage.priors.weights import load_discriminator, load_generator
from mirage.runtime import files
from mirage.runtime.checkpoint import Checkpoint
from mirage.targets.architectures import Classifier
from mirage.targets.weights import load_classifier, load_classifiers


@dataclass(frozen=True)
class Given:
    """What a stage is run with.

    Attributes:
        files: of ``attacks.declaration.Input``, those the stage reads.
        settings: the stage's block of settings.
        classes: attacked classes, or those of a chunk.
        image_px: input size of the attacked model, and of whoever else runs a stage.
        crop_px: centre crop of the prior's images.
        seed: of the attack.
        device: where all of it runs.
        batch: how much goes to the device at once.
        checkpoint: state of an interrupted run.
        compiling: whether its steps are compiled, where the stage can.
    """

    files: Mapping[str, Path]
    settings: Mapping[str, Any]
    classes: Sequence[int]
    image_px: int
    crop_px: int
    seed: int
    device: str
    batch: int
    checkpoint: Checkpoint
    compiling: Compiling = UNCOMPILED

    def classifier(self) -> Classifier:
        """The model that runs the stage, frozen and in eval mode."""
        return load_classifier(self.files["weights"], self.device)

    def pipeline(self) -> ImagePipeline:
        """The prior and its centre crop."""
        return ImagePipeline(load_generator(self.files["generator"], self.device), self.crop_px)

    def prior(self) -> Prior:
        """The prior, of a kind that works on [0, 1]: latents z to images in network range."""
        return Prior(load_generator(self.files["generator"], self.device), self.crop_px)

    def critic(self) -> nn.Module:
        """The prior's discriminator, frozen and in eval mode; it takes images in [0, 1]."""
        network: nn.Module = load_discriminator(self.files["discriminator"], self.device)
        return network

    def public(self) -> Tensor:
        """The public images that the prior was trained on, uint8 [N, C, px, px], on the CPU."""
        pixels: Tensor = files.load_tensors(self.files["public"], "pixels")["pixels"]
        return pixels

    def students(self) -> list[Classifier]:
        """Students of the attacked model, frozen and in eval mode."""
        return load_classifiers(self.files["students"], self.device)

    def before(self, kind: type[Held]) -> Held:
        """What the stage before left, of these classes."""
        return load_result(kind, self.files["before"], self.classes)
