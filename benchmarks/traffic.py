"""What operators read and write, counted on tensors without values.

Each operator counts for itself, as a kernel of its own: the elements of its operands that it
reads, each once, and those of its results. A broadcast operand counts once, a view not at all.
Memory that a kernel needs beside that, caches and repeated reads are left out.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import torch
from mirage.forecast.counting import Tally
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

_aten = torch.ops.aten
KINDS = {
    "convolutions": (_aten.convolution, _aten.convolution_backward),
    "products": (_aten.mm, _aten.bmm, _aten.addmm, _aten.baddbmm, _aten.baddbmm_),
    "batch norms": (_aten.native_batch_norm, _aten.native_batch_norm_backward),
    "sums": (_aten.sum, _aten.mean),
    "copies": (
        _aten.clone, _aten.copy_, _aten._to_copy, _aten.cat, _aten.index, _aten.constant_pad_nd,
        _aten.slice_backward, _aten.select_backward, _aten.fill_, _aten.zero_, _aten.zeros,
        _aten.zeros_like, _aten.new_zeros, _aten.ones_like,
    ),
}  # fmt: skip
"""Kinds of operators; all others are ``pointwise``, with a few poolings and resizings."""
NAMES = (*KINDS, "pointwise")
_KIND = {packet: kind for kind, packets in KINDS.items() for packet in packets}
_NOTHING = {
    _aten.empty, _aten.empty_like, _aten.empty_strided, _aten.new_empty, _aten.new_empty_strided,
    _aten._unsafe_view, _aten.detach, _aten.lift_fresh, torch.ops.prim.device,
}  # fmt: skip
_OVERWRITING = {_aten.copy_, _aten.fill_, _aten.zero_}
_GATHERING = {_aten.index, _aten.gather, _aten.index_select}


class Traffic(TorchDispatchMode):
    """Adds up the bytes of all operators on the device ``meta``, and FLOP of all operators.

    Attributes:
        bytes: by kind.
    """

    def __init__(self) -> None:
        super().__init__()
        self.tally = Tally()
        self.reset()

    def reset(self) -> None:
        """Begin anew."""
        self.bytes: Counter[str] = Counter()
        self.before = self.tally.flops

    @property
    def flop(self) -> int:
        """A multiply-add is two."""
        return self.tally.flops - self.before

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        """Run the operator and count it."""
        kwargs = kwargs or {}
        with self.tally:
            result = func(*args, **kwargs)
        if not func.is_view and func._overloadpacket not in _NOTHING:
            kind = _KIND.get(func._overloadpacket, "pointwise")
            self.bytes[kind] += moved(func, args, kwargs, result)
        return result


def moved(func: Any, args: Any, kwargs: Any, result: Any) -> int:
    """Bytes that one operator reads and writes."""
    written = sum(map(used_bytes, _distinct(result)))
    read = sum(map(used_bytes, _distinct(list(_read(func, args, kwargs)))))
    return written + read + (written if func._overloadpacket in _GATHERING else 0)


def used_bytes(x: Tensor) -> int:
    """Bytes of the elements that a tensor on ``meta`` reaches; 0 on other devices."""
    if x.device.type != "meta":
        return 0
    count = x.element_size()
    for size, stride in zip(x.shape, x.stride(), strict=True):
        count *= size if stride or not size else 1
    return count


def _distinct(values: Any) -> Iterator[Tensor]:
    known = set()
    for value in tree_leaves(values):
        if isinstance(value, Tensor):
            key = value.untyped_storage()._cdata, value.storage_offset(), value.shape
            if key not in known:
                known.add(key)
                yield value


def _read(func: Any, args: Any, kwargs: Any) -> Iterator[Any]:
    """Operands that are read; some are passed for their shape alone, or to be overwritten."""
    packet = func._overloadpacket
    unread = _unread(packet, args)
    for place, argument in enumerate(func._schema.arguments):
        value = args[place] if place < len(args) else kwargs.get(argument.name)
        writes = argument.alias_info is not None and argument.alias_info.is_write
        overwrites = writes and (argument.kwarg_only or packet in _OVERWRITING)
        if not overwrites and argument.name not in unread:
            yield value


def _unread(packet: Any, args: Any) -> set[str]:
    if packet is _aten.convolution_backward:
        to_input, to_weight, _ = args[-1]
        return {name for name, wanted in (("weight", to_input), ("input", to_weight)) if not wanted}
    if packet is _aten.native_batch_norm_backward:
        training, to_weight = args[7], args[-1][1]
        return set() if training or to_weight else {"input"}
    if packet in _GATHERING or packet is _aten.max_pool2d_with_indices_backward:
        return {"self"}
    return set()
