"""FLOPs, parameters and memory of a unit, counted on tensors without data.

The real loop of the job runs on the device ``meta``: every operator reports its shapes, nothing is
computed. A multiply-add counts as two FLOPs; only matrix products and convolutions count, as is
usual. Memory is the sum of all tensors alive at the worst moment of a step.
"""

import logging
import math
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from mirage.errors import Interrupted
from mirage.forecast.counts import Counts
from mirage.forecast.loops import make_loop
from mirage.forecast.loops._parts import weights
from mirage.forecast.units import Unit
from mirage.runtime.checkpoint import Checkpoint

_log = logging.getLogger("mirage")

_RENDERING, _MOST_RENDERED = ("render", "embed_attack"), 100
"""Images counted at most in such a step: larger batches at 1024 px are synthesised in parts, so
their memory is no line any more; it lies below."""


def count(unit: Unit) -> Counts:
    """Count one unit at its configured batch.

    Raises:
        MirageError: what the unit names cannot be built.
    """
    batch = min(unit.batch, _MOST_RENDERED) if unit.kind in _RENDERING else unit.batch
    whole = _count(unit, batch)
    smaller = max(batch // 2, 2)
    slope = 0.0
    if unit.least <= smaller < batch:
        half = _count(unit, smaller)
        slope = (whole.bytes - half.bytes) / (batch - smaller)
    return replace(whole, bytes_per_image=max(slope, 0.0), weight_bytes=weights(unit))


def counted(units: Iterable[Unit], known: Mapping[str, Counts]) -> dict[str, Counts]:
    """Counts of units by key: the known ones, the others counted now."""
    counts: dict[str, Counts] = {}
    for unit in units:
        if unit.key not in counts:
            held = known.get(unit.key)
            counts[unit.key] = count(unit) if held is None else held
            if held is None:
                _log.info("counted %s: %.4g FLOP", unit.key, counts[unit.key].flops)
    return counts


def _count(unit: Unit, batch: int) -> Counts:
    ticks = 1 + unit.period
    with Tally() as tally:
        meter = _Meter(tally, ticks)
        loop = make_loop(unit, batch, "meta")
        with suppress(Interrupted):
            loop(meter)
    per_step = (meter.flops[-1] - meter.flops[0]) / unit.period
    operators = (meter.operators[-1] - meter.operators[0]) // unit.period
    return Counts(per_step / batch, tally.peak, 0.0, 0, batch, operators)


class _Meter(Checkpoint):
    """Reads the tally at each tick and ends the loop after a few."""

    def __init__(self, tally: "Tally", ticks: int) -> None:
        super().__init__(None, {})
        self.tally, self.ticks = tally, ticks
        self.flops: list[int] = []
        self.operators: list[int] = []

    def tick(self, state: Callable[[], Any]) -> None:
        self.flops.append(self.tally.flops)
        self.operators.append(self.tally.operators)
        if len(self.flops) == 1:
            self.tally.peak = self.tally.live
        if len(self.flops) == self.ticks:
            raise Interrupted


class Tally(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts FLOPs of all operators, and the bytes of all ``meta`` tensors alive.

    PyTorch's own counter mode follows modules as well, which fails on a gradient of a gradient,
    and counts grouped convolutions wrongly; its formulas are used here.

    Attributes:
        flops: so far.
        operators: so far, without those that only look at a tensor in another way.
        live: bytes alive now.
        peak: the most since it was last set.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.flops = self.operators = self.live = self.peak = 0
        self._known: set[int] = set()

    def __torch_dispatch__(  # type: ignore[no-untyped-def]
        self, func, types, args=(), kwargs=None
    ):
        """Run the operator; count it and enter the storages of its results."""
        kwargs = kwargs or {}
        formula = _FORMULAS.get(func._overloadpacket)
        if formula is None and func is not torch.ops.prim.device.default:
            with self:  # composite operators hide the counted ones
                result = func.decompose(*args, **kwargs)
            if result is not NotImplemented:
                return result
        result = func(*args, **kwargs)
        self.operators += not func.is_view
        if formula is not None:
            self.flops += formula(*args, **kwargs, out_val=result)
        for value in tree_leaves(result):
            if isinstance(value, torch.Tensor) and value.device.type == "meta":
                self._enter(value.untyped_storage())
        return result

    def _enter(self, storage: torch.UntypedStorage) -> None:
        identity, size = storage._cdata, storage.nbytes()
        if identity not in self._known:
            self._known.add(identity)
            self.live += size
            self.peak = max(self.peak, self.live)
            weakref.finalize(storage, self._leave, identity, size)

    def _leave(self, identity: int, size: int) -> None:
        self._known.discard(identity)
        self.live -= size


def _convolution_backward(
    gradient: Tensor, x: Tensor, weight: Tensor, _bias: Any, _stride: Any, _padding: Any,
    _dilation: Any, transposed: bool, _output_padding: Any, _groups: int, wanted: list[bool],
    out_val: Any,
) -> int:  # fmt: skip
    """FLOPs of a convolution's gradients: each costs as much as the forward pass.

    PyTorch's own formula counts the weight gradient of a grouped convolution once per group.
    """
    places = math.prod(x.shape[2:] if transposed else gradient.shape[2:])
    forward = 2 * len(gradient) * places * weight.numel()
    return forward * (int(wanted[0]) + int(wanted[1]))


_FORMULAS: dict[Any, Any] = {
    **flop_registry,
    torch.ops.aten.convolution_backward: _convolution_backward,
}
