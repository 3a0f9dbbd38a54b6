"""Random numbers: one explicit stream per purpose, never global state.

A stream is named by a seed and the words that say what it is for, e.g.
``generator(42, "targets", "augmentation", epoch)``. Hashing the names makes streams independent
of one another and of the order in which they are opened, so neither chunking nor resuming changes
a draw. All draws are made on the CPU and moved: a GPU run sees the same numbers.
"""

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch


def seed_of(seed: int, *names: str | int) -> int:
    """Derive the seed of a named stream, in [0, 2^63), stable across platforms and versions.

    The order of the names matters; ``"1"`` and ``1`` are the same name.
    """
    text = "\x1f".join([str(seed), *map(str, names)])
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "big") >> 1


def generator(seed: int, *names: str | int) -> "torch.Generator":
    """Open the named stream as a CPU generator."""
    import torch

    return torch.Generator().manual_seed(seed_of(seed, *names))
