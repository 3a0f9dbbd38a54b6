"""How priors are trained: a file for each kind of prior that is trained here.

Planning reads the declarations, so what trains is imported when it is called.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

from mirage.recipes import Recipe
from mirage.registry import Registry

if TYPE_CHECKING:
    from torch import nn


class TrainedNetworks(NamedTuple):
    """What training leaves: both networks, frozen and in eval mode.

    Each has its shape as ``config``, which ``kinds`` makes it of again.

    Attributes:
        generator: as the attacks take it.
        discriminator: its opponent.
        history: losses by column, JSON-able; goes into the header of both files.
    """

    generator: "nn.Module"
    discriminator: "nn.Module"
    history: Mapping[str, list[float | None]] = MappingProxyType({})


class Steps(NamedTuple):
    """How much work a training is.

    Attributes:
        total: steps in all.
        images: images of one step.
        period: steps after which the work repeats itself.
    """

    total: int
    images: int
    period: int = 1


@dataclass(frozen=True)
class Trainer:
    """How priors of one kind are trained.

    Attributes:
        recipe: settings of a training. Its fields ``generator`` and ``discriminator`` are the
            shapes of the networks, as ``kinds`` has them.
        train: ``(images, recipe, seed, checkpoint, device, target=None) -> TrainedNetworks``, of
            public images uint8 [N, C, px, px] and, if it needs one, the frozen target in eval
            mode. The same bytes on a CPU, however often it was interrupted.
        steps: (recipe, number of public images) -> its work.
        needs_target: whether a prior is trained for one target, whose answers it learns from.
        rehearse: the steps of ``train`` alone, of the same arguments, for whoever counts them on
            images without data; None where nothing comes before the steps.
    """

    recipe: type[Recipe]
    train: Callable[..., TrainedNetworks]
    steps: Callable[[Any, int], Steps]
    needs_target: bool = False
    rehearse: Callable[..., object] | None = None


TRAINERS: Registry[Trainer] = Registry(__name__, "TRAINER")
"""Kind of prior -> how one is trained; a kind that others publish only has none."""
