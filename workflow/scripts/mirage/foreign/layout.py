"""What a file of weights must hold, and whether it does.

Names differ between programs only by what wraps a network; the known wrappers stand in
``PREFIXES``. Everything else must agree: each name, each shape, each dtype, no value missing,
none left over, all finite.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mirage.errors import MirageError
from mirage.foreign.wording import plain as plain_text
from mirage.visible import listed

PREFIXES = ("_orig_mod.", "module.", "model.")
"""Put before every name by torch.compile, by data parallelism, by the official PPA classifier."""

_COUNTER = "num_batches_tracked"  # of batch norm; files older than PyTorch 0.4.1 lack it
_SHOWN = 4


@dataclass(frozen=True)
class Layout:
    """The content of one kind of file.

    Attributes:
        what: the network, for messages.
        tensors: name -> a tensor of the wanted shape and dtype (on any device, ``meta`` too).
        ignored: starts of names that such files also hold and this project does not need.
        renames: pattern -> replacement, for names that have changed since the file was published.
    """

    what: str
    tensors: Mapping[str, Tensor]
    ignored: tuple[str, ...] = ()
    renames: tuple[tuple[str, str], ...] = ()


def layout_of(network: nn.Module, what: str, **more: Any) -> Layout:
    """The layout of a network's own state dict; ``ignored`` and ``renames`` as in ``Layout``."""
    return Layout(what, network.state_dict(), **more)


def fit(state: Mapping[str, Tensor], layout: Layout, source: str | Path) -> dict[str, Tensor]:
    """Hold a state dict to a layout.

    Args:
        state: names and tensors as they stand in the file.
        layout: what they must be.
        source: the file, for messages.

    Returns:
        Exactly the layout's names, in its order; counters of batch norm that an old file lacks
        are 0 (nothing here reads them).

    Raises:
        MirageError: one message with all that is missing, unexpected, of another shape or dtype,
            or not finite.
    """
    found = _plain_names(state, layout, source)
    wanted = layout.tensors
    for name, tensor in wanted.items():
        if name.endswith(_COUNTER) and name not in found:
            found[name] = torch.zeros(tensor.shape, dtype=tensor.dtype)
    both = [name for name in wanted if name in found]
    problems = {
        "missing": [name for name in wanted if name not in found],
        "unexpected": [name for name in found if name not in wanted],
        "of another shape": [
            f"{name} {list(found[name].shape)} instead of {list(wanted[name].shape)}"
            for name in both
            if found[name].shape != wanted[name].shape
        ],
        "of another dtype": [
            f"{name} {_dtype(found[name])} instead of {_dtype(wanted[name])}"
            for name in both
            if found[name].dtype != wanted[name].dtype
        ],
        "not finite": [name for name in both if _undefined(found[name], wanted[name])],
    }
    told = "; ".join(
        f"{len(names)} {kind} ({listed(names, most=_SHOWN)})"
        for kind, names in problems.items()
        if names
    )
    if told:
        raise MirageError(
            f"{source} does not fit {layout.what}: {told}",
            f"the {len(wanted)} tensors of {layout.what}",
            "correct the asset's path, or fetch the file again and compare its checksum",
        )
    return {name: found[name].contiguous() for name in wanted}


def _plain_names(
    state: Mapping[str, Tensor], layout: Layout, source: str | Path
) -> dict[str, Tensor]:
    found: dict[str, Tensor] = {}
    for name, tensor in state.items():
        plain = _plain(name, layout)
        if plain.startswith(layout.ignored) and plain not in layout.tensors:
            continue
        if plain in found:
            raise MirageError(
                f"{source} holds {plain_text(plain)} twice, once as {plain_text(name)}",
                "each tensor of a network once",
                "use the published file",
            )
        found[plain] = tensor
    return found


def _plain(name: str, layout: Layout) -> str:
    """The name without wrappers and in today's spelling."""
    for pattern, replacement in layout.renames:
        name = re.sub(pattern, replacement, name)
    while name not in layout.tensors and name.startswith(PREFIXES):
        name = name.partition(".")[2]
    return name


def _undefined(found: Tensor, wanted: Tensor) -> bool:
    """Whether a tensor that fits has values that are not finite.

    Of one that does not fit nothing is looked at: not every dtype knows what finite means, and a
    few bytes may claim any size.
    """
    fits = found.shape == wanted.shape and found.dtype == wanted.dtype
    return fits and not bool(torch.isfinite(found).all())


def _dtype(tensor: Tensor) -> str:
    return str(tensor.dtype).removeprefix("torch.")
