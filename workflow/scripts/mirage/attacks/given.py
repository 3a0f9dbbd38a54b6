"""What a stage is run with: the files its declaration names, its settings, its classes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mirage.attacks.results import Held, load_result
from mirage.priors.pipeline import ImagePipeline
from mirage.priors.weights import load_generator
from mirage.runtime.checkpoint import Checkpoint
from mirage.targets.architectures import Classifier
from mirage.targets.weights import load_classifier


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

    def classifier(self) -> Classifier:
        """The model that runs the stage, frozen and in eval mode."""
        return load_classifier(self.files["weights"], self.device)

    def pipeline(self) -> ImagePipeline:
        """The prior and its centre crop."""
        return ImagePipeline(load_generator(self.files["generator"], self.device), self.crop_px)

    def before(self, kind: type[Held]) -> Held:
        """What the stage before left, of these classes."""
        return load_result(kind, self.files["before"], self.classes)
