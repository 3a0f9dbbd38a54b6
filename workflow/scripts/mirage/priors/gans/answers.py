"""The target's answers while a prior is trained: it sees house images, and may draw noise."""

from typing import Literal

from torch import Tensor
from torch.func import functional_call

from mirage.errors import MirageError
from mirage.streams import generator, seed_of
from mirage.targets.architectures import Classifier
from mirage.targets.architectures.layers import StreamDropout
from mirage.targets.noise import drawn, rows_of


class Answers:
    """Logits of a frozen target for images in [0, 1]; nothing of the target is changed."""

    def __init__(
        self, target: Classifier, seed: int, kind: str, mode: Literal["train", "eval"] = "eval"
    ) -> None:
        """Take a target, on its device.

        Args:
            target: frozen, in eval mode.
            seed: of the prior's training.
            kind: of the prior, which names the noise.
            mode: the target's in each pass. In ``train`` its batch norms use the batch and its
                dropout is drawn; their running statistics move in a copy.
        """
        self.target, self.seed, self.kind, self.mode = target, seed, kind, mode
        self.buffers = {name: value.clone() for name, value in target.named_buffers()}
        self.dropouts = [m for m in target.modules() if isinstance(m, StreamDropout)]

    def logits(self, images: Tensor, step: int) -> Tensor:
        """Logits [N, K] of images [N, C, H, W] in [0, 1]; ``step`` names what is drawn."""
        target = self.target.train(self.mode == "train")
        for index, dropout in enumerate(self.dropouts):
            names = ("priors", self.kind, "dropout", step, index)
            dropout.generator.manual_seed(seed_of(self.seed, *names))
        noise = drawn(target, generator(self.seed, "priors", self.kind, "noise", step), len(images))
        inputs = (2 * images - 1, *rows_of(noise, slice(None), images.device))
        logits: Tensor = functional_call(target, self.buffers, inputs)
        target.eval()
        return logits


def check_target(target: Classifier | None, classes: int, channels: int) -> Classifier:
    """The target, if it is one that these networks are made for.

    Raises:
        MirageError: there is none, or it knows other classes or colours.
    """
    if target is None:
        raise MirageError(
            "a prior of one target was to be trained without its target",
            remedy="give it `source: {kind: per_target, …}`",
        )
    if (target.classes, target.channels) != (classes, channels):
        raise MirageError(
            f"the target has {target.classes} classes and {target.channels} colour channels, the "
            f"prior's recipe {classes} and {channels}",
            "networks that fit the target",
            "correct classes or image_channels in the prior's recipe",
        )
    return target
