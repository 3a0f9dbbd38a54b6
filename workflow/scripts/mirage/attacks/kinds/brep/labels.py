"""What a target lets BREP-MI know: the class of each image."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from mirage import imaging
from mirage.attacks.kinds.brep.asking import PassName
from mirage.streams import generator
from mirage.targets.noise import drawn

NO_CLASS = -1
"""Answer to an image whose logits are no finite numbers: it is of no class."""


@dataclass(frozen=True)
class HardLabels:
    """A classifier behind a door that lets labels through alone: ``asking.LabelsOf``.

    Attributes:
        classifier: attacked model, frozen and in eval mode.
        image_px: side of the images it takes.
        seed: of the attack, with which names become streams of noise.
    """

    classifier: Callable[..., Tensor]
    image_px: int
    seed: int

    def __call__(self, images: Tensor, names: Sequence[PassName]) -> Tensor:
        """Largest of the logits, those of a network with noise where it is one (int64 [N])."""
        shown, size = imaging.resize(images, self.image_px), len(images) // len(names)
        streams = (generator(self.seed, "attacks", "brep", "noise", *name) for name in names)
        parts = [drawn(self.classifier, stream, size) for stream in streams]
        noise = [part for part in parts if part is not None]
        logits = self.classifier(shown, *([torch.cat(noise).to(images.device)] if noise else []))
        return torch.where(logits.isfinite().all(dim=1), logits.argmax(dim=1), NO_CLASS)
