"""Parts of a treatment: what each of them may do to a target's training.

A treatment (``ls0.1+stop@ls-0.05``) is parts joined by ``+``. A part is a recipe, made of the
numbers in its name and of its settings in the configuration, with what it does as methods; all of
them do nothing unless a part says otherwise. Parts lie in ``treatments``, one file each. Planning
imports them, so they import torch inside their methods only.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, Self

from mirage.recipes import Recipe

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from mirage.data.views import LabelledImages
    from mirage.targets.architectures import Classifier
    from mirage.targets.backdoor import Poisoning


class Outputs(NamedTuple):
    """What a network makes of a batch in training.

    Attributes:
        images: [N, C, H, W] in [-1, 1].
        logits: float32 [N, K].
        auxiliary: logits of an auxiliary head, float32 [N, K'], or None.
        hidden: the activations that some part has asked for, by name.
    """

    images: "Tensor"
    logits: "Tensor"
    auxiliary: "Tensor | None"
    hidden: "Mapping[str, Tensor]"


@dataclass(frozen=True)
class TreatmentPart(Recipe):
    """One part at work.

    Attributes:
        place: parts are named in the order of their places, so a treatment has one spelling.
        numbers: fields whose values stand in its name, in that order.
        sibling: field that takes the treatment of another cell, named after ``@``; that cell's
            metrics are there before the training starts. Empty: the part has no ``@``.
        rates: history columns with what is in force during an epoch; see ``at``.
        terms: history columns with the means of its penalties; see ``penalties``, ``columns``.
        hidden: names of the hidden activations it needs, at the least; see ``looks_at``.
        adds: those of them that its ``wrap`` brings; the others the architecture must have.
        step_s: seconds on one core that it adds to a step, by ``benchmarks/run.py defenses``.
        watches_test: whether the test accuracy is measured after each epoch.
    """

    place: ClassVar[int]
    numbers: ClassVar[tuple[str, ...]] = ()
    sibling: ClassVar[str] = ""
    rates: ClassVar[tuple[str, ...]] = ()
    terms: ClassVar[tuple[str, ...]] = ()
    hidden: ClassVar[tuple[str, ...]] = ()
    adds: ClassVar[tuple[str, ...]] = ()
    step_s: ClassVar[float] = 0.0
    watches_test: ClassVar[bool] = False

    @property
    def name(self) -> str:
        """The part's name, which is its file's."""
        return type(self).__module__.rpartition(".")[2]

    def looks_at(self, named: Collection[str]) -> tuple[str, ...]:
        """Names of the hidden activations it takes of a network that names these."""
        return self.hidden

    def columns(self, named: Collection[str]) -> tuple[str, ...]:
        """History columns with the means of its penalties on such a network."""
        return self.terms

    def check(self, image_px: int, classes: int) -> None:
        """Refuse targets that it does not fit, by the side of their images and their classes.

        Raises:
            MirageError: it does not.
        """

    def told(self, metrics: Mapping[str, Any]) -> Self:
        """The part once the other cell's metrics are known."""
        return self

    def wrap(self, model: "Classifier", seed: int) -> "Classifier":
        """The network that is trained, new weights drawn by ``seed``; on the CPU.

        Whoever loads the weights gets the same network.
        """
        return model

    def poison(self, images: "LabelledImages", seed: int) -> "Poisoning | None":
        """What it does to some of the training images, and to their labels; None: nothing."""
        return None

    def at(self, epoch: int, epochs: int) -> dict[str, float]:
        """What is in force during one epoch (from 0) of ``epochs``, by column of ``rates``."""
        return {}

    def order(
        self, labels: "Tensor", batch_size: int, stream: "torch.Generator"
    ) -> "Tensor | None":
        """Rows of the images of an epoch, batch after batch; None: all, shuffled.

        Their number is the same in every epoch.
        """
        return None

    def label_loss(
        self, logits: "Tensor", labels: "Tensor", epoch: int, epochs: int
    ) -> "Tensor | None":
        """The 0-d loss that takes the place of hard labels' cross entropy; None leaves that."""
        return None

    def penalties(self, outputs: Outputs, labels: "Tensor", epoch: int) -> "dict[str, Tensor]":
        """What it adds to the loss, 0-d each, by column of ``terms``."""
        return {}

    def stops(self, history: Sequence[Mapping[str, float]]) -> bool:
        """Whether the training ends after the last epoch of ``history``."""
        return False

    def result(self, history: Sequence[Mapping[str, float]]) -> dict[str, Any]:
        """What stands in the target's metrics under its name; nothing if there is nothing."""
        return {}
