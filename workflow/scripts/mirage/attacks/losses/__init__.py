"""What an attack minimises: one value per image, so that batches may be stacked.

An entry is the function ``loss`` of a module that has the name in the configuration.
"""

from typing import TYPE_CHECKING, TypeAlias

from mirage.registry import Registry

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

Loss: TypeAlias = "Callable[[Tensor, Tensor], Tensor]"
"""(logits [N, K], attacked classes int64 [N]) -> loss per row [N]."""

LOSSES: "Registry[Loss]" = Registry(__name__, "loss")
