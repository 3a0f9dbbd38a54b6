"""Batch norms of a frozen classifier folded into the convolutions before them."""

import copy
from typing import Any

from torch import nn

from mirage.targets.architectures import Classifier


def folded(classifier: Any) -> Any:
    """Make the same function with fewer passes over memory.

    With running statistics a batch norm is a scale and a shift per channel, so a convolution that
    it alone reads takes them over: weight γ / σ and bias β − μ γ / σ. That holds of PyTorch's own
    layers; a norm before its convolution, as most of DenseNet's, stays. Results change by
    rounding, and in tf32 or bf16 the weights that are rounded are others.

    Args:
        classifier: frozen and in eval mode; it is left as it is.

    Returns:
        A copy without those norms; the classifier itself where it has none, or is none of ours.
    """
    if not isinstance(classifier, Classifier) or not _norms(classifier.trunk):
        return classifier
    from torch.fx.experimental.optimization import fuse

    made = copy.deepcopy(classifier)
    made.trunk = fuse(made.trunk, inplace=True)
    return made.freeze()


def _norms(trunk: nn.Module) -> int:
    return sum(isinstance(layer, nn.BatchNorm2d) for layer in trunk.modules())
