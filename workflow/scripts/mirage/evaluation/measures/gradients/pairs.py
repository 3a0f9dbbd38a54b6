"""Where the measured optimisations start and what they look for."""

from typing import NamedTuple

import torch
from torch import Tensor

from mirage.errors import MirageError
from mirage.streams import generator


class Pairs(NamedTuple):
    """Where the optimisation starts and what it looks for.

    Attributes:
        latents: single w, [N, w_dim].
        targets: the class of each, int64 [N].
    """

    latents: Tensor
    targets: Tensor


def draw_pairs(w: Tensor, count: int, classes: int, seed: int) -> Pairs:
    """Pair the first latents of a pool with classes drawn uniformly.

    The first pairs do not depend on how many are drawn, and no pair depends on the target.

    Args:
        w: latents of the pool, not selected in any way, [M, w_dim].
        count: pairs, at most M.
        classes: of the target.
        seed: of the cell.

    Raises:
        MirageError: the pool has fewer latents.

    Source: paper 4.4, "a set of 1,000 initial vectors and targets"; how they were drawn is open.
    """
    if len(w) < count:
        raise MirageError(f"the pool holds {len(w)} latents", f"{count}, one for each pair")
    stream = generator(seed, "measures", "gradients", "targets")
    return Pairs(w[:count], torch.randint(classes, (count,), generator=stream))
