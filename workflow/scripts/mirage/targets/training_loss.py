"""The loss of a training: what the parts of a treatment make of a network's outputs."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from torch import Tensor, nn

from mirage.errors import MirageError
from mirage.targets.architectures import Classifier
from mirage.targets.parts import Outputs, TreatmentPart
from mirage.targets.smoothing import smoothed_cross_entropy
from mirage.visible import listed


class TrainingLoss:
    """The loss of a treatment, and the columns it adds to the history.

    Attributes:
        rates: columns with what is in force during an epoch.
        terms: columns with the means of what the loss is the sum of: the cross entropy with the
            label (smoothed or not) and the penalties; none where there are no penalties.
        hidden: names of the hidden activations that ``__call__`` needs.
    """

    def __init__(
        self,
        parts: Sequence[TreatmentPart],
        epochs: int,
        auxiliary_weight: float,
        named: Collection[str] = (),
    ) -> None:
        """Join the parts.

        Args:
            parts: of the treatment.
            epochs: of the whole training.
            auxiliary_weight: of an auxiliary head's loss.
            named: hidden activations that the network names.
        """
        self.parts, self.epochs, self.auxiliary_weight = parts, epochs, auxiliary_weight
        self.rates = tuple(name for part in parts for name in part.rates)
        terms = tuple(name for part in parts for name in part.columns(named))
        # Where nothing is added, the loss itself is the cross entropy.
        self.terms = ("cross_entropy", *terms) if terms else ()
        wanted = (name for part in parts for name in part.looks_at(named))
        self.hidden = tuple(dict.fromkeys(wanted))

    def at(self, epoch: int) -> dict[str, float]:
        """What is in force during an epoch, by column of ``rates``."""
        return {k: v for part in self.parts for k, v in part.at(epoch, self.epochs).items()}

    def __call__(self, outputs: Outputs, labels: Tensor, epoch: int) -> tuple[Tensor, list[Tensor]]:
        """Loss of a batch, and its parts in the order of ``terms``.

        Args:
            outputs: of the network in training.
            labels: int64 [N].
            epoch: from 0.

        Returns:
            The 0-d sum of label loss, weighted auxiliary loss and penalties, and its parts.
        """
        loss = self._label_loss(outputs.logits, labels, epoch)
        terms = {"cross_entropy": loss}
        if outputs.auxiliary is not None:
            side = self._label_loss(outputs.auxiliary, labels, epoch)
            loss = loss + self.auxiliary_weight * side
        for part in self.parts:
            penalties = part.penalties(outputs, labels, epoch)
            terms |= penalties
            for penalty in penalties.values():
                loss = loss + penalty
        return loss, [terms[name].detach() for name in self.terms]

    def _label_loss(self, logits: Tensor, labels: Tensor, epoch: int) -> Tensor:
        for part in self.parts:
            loss = part.label_loss(logits, labels, epoch, self.epochs)
            if loss is not None:
                return loss
        return smoothed_cross_entropy(logits, labels, 0.0)


@contextmanager
def watched(model: Classifier, names: Sequence[str]) -> Iterator[dict[str, Tensor]]:
    """Collect hidden activations of the forward passes inside the block.

    Args:
        model: the classifier; its ``stages`` name them.
        names: the wanted ones.

    Yields:
        Name -> activations of the last pass, with their graph.

    Raises:
        MirageError: the architecture names no such activations.
    """
    unknown = [name for name in names if name not in model.stages]
    if unknown:
        raise MirageError(
            f"the architecture {model.name} names no hidden activations {listed(unknown)}",
            f"one of {listed(model.stages)}" if model.stages else "an architecture with `stages`",
        )
    seen: dict[str, Tensor] = {}
    hooks = [
        model.get_submodule(model.stages[name]).register_forward_hook(_keep(seen, name))
        for name in names
    ]
    try:
        yield seen
    finally:
        for hook in hooks:
            hook.remove()


def _keep(seen: dict[str, Tensor], name: str) -> Callable[[nn.Module, Any, Tensor], None]:
    def hook(_: nn.Module, __: Any, output: Tensor) -> None:
        seen[name] = output

    return hook
