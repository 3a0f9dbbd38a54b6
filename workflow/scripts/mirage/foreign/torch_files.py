"""PyTorch's files as plain data: zip files (since 1.6) and the sequential files before them.

Read by ``plain_pickle``, not by PyTorch: its restricted reader runs no code either, but it believes
the sizes it reads. Here a tensor is a view that must lie within its storage, and a storage is a
part of the file.
"""

import math
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from mirage.foreign.plain_pickle import Budget, Handler, Machine, Name, Refused, put
from mirage.foreign.wording import plain
from mirage.foreign.zips import stored_parts

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_MOST_AXES = 8
_MOST_PICKLE = 64 * 2**20
_STORAGES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
    "UntypedStorage": torch.uint8,
}
STORAGES = {
    f"{module}.{name}": dtype
    for name, dtype in _STORAGES.items()
    for module in ("torch", "torch.storage")
}
"""Globals that name a kind of storage, and the numbers in it."""
_DTYPES = {
    str(dtype): dtype
    for dtype in (
        *_STORAGES.values(), torch.uint16, torch.uint32, torch.uint64, torch.float8_e4m3fn,
        torch.float8_e5m2, torch.float8_e4m3fnuz, torch.float8_e5m2fnuz,
    )
}  # fmt: skip


@dataclass(eq=False)
class Storage:
    """The numbers behind tensors: a part of the file, decoded when asked for.

    Attributes:
        dtype: of the numbers.
        count: how many there are.
        raw: their bytes; empty until the file's own part is known.
    """

    dtype: torch.dtype
    count: int
    raw: Callable[[], memoryview] | None = None

    @cached_property
    def values(self) -> Tensor:
        """The numbers in one row, a copy of the file's."""
        raw = bytearray(self.raw()) if self.raw else bytearray()
        if len(raw) != self.count * self.dtype.itemsize:
            raise Refused("a storage in it is truncated")
        if not raw:
            return torch.empty(0, dtype=self.dtype)
        # A clone lies where PyTorch's own tensors would: kernels round by the place in memory.
        return torch.frombuffer(raw, dtype=self.dtype).clone()


@dataclass(frozen=True)
class StoredTensor:
    """A tensor not yet decoded: a view into a storage, in units of its dtype."""

    storage: Storage
    dtype: torch.dtype
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def decode(self) -> Tensor:
        """Make the tensor; those of one storage share its memory.

        Raises:
            Refused: the storage is damaged.
        """
        values = self.storage.values
        if self.dtype != values.dtype:
            whole = values.nbytes // self.dtype.itemsize * self.dtype.itemsize
            values = values.view(torch.uint8)[:whole].view(self.dtype)
        return torch.as_strided(values, self.size, self.stride, self.offset)


@dataclass(frozen=True)
class Odd:
    """What stands for a tensor that cannot be taken.

    Attributes:
        why: in words; empty for the kinds that no network file needs (sparse, quantised, nested,
            without values).
    """

    why: str = ""


def view(
    storage: Any, offset: Any, size: Any, stride: Any, dtype: torch.dtype | None = None
) -> StoredTensor | Odd:
    """Hold a tensor's description to its storage.

    Returns:
        The view; ``Odd`` if it reaches beyond the storage or claims more numbers than lie there
        (a stride of 0 would let a few bytes claim any amount), so that its name can be told.
    """
    if not isinstance(storage, Storage):
        return Odd("is made from something else than a storage")
    if not isinstance(size, tuple) or not isinstance(stride, tuple) or len(size) != len(stride):
        return Odd("is described in an unknown way")
    if len(size) > _MOST_AXES:
        return Odd(f"has {len(size):,} axes")
    if not all(isinstance(n, int) and n >= 0 for n in (offset, *size, *stride)):
        return Odd("is described in an unknown way")
    kind = dtype or storage.dtype
    there = storage.count * storage.dtype.itemsize // kind.itemsize
    count = math.prod(size)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if count > there or (count and last >= there) or offset > there:
        return Odd(f"is larger than its storage ({plain(list(size))} from {there:,} numbers)")
    return StoredTensor(storage, kind, offset, size, stride)


def read_zip(data: memoryview) -> tuple[Any, Machine]:
    """Read a zip file.

    Args:
        data: the whole file.

    Returns:
        Its value, with ``StoredTensor`` for tensors, and the machine, which knows its strangers.

    Raises:
        Refused: it is damaged, compressed, or none of PyTorch's.
    """
    parts = stored_parts(data)
    roots = [name.removesuffix("/data.pkl") for name in parts if name.endswith("/data.pkl")]
    if len(roots) != 1 or f"{roots[0]}/constants.pkl" in parts:
        held = ", ".join(plain(name, 40) for name in list(parts)[:3]) or "nothing"
        raise Refused(f"it is a zip, but no state dict of PyTorch's (it holds {held})")
    root = roots[0]
    if f"{root}/byteorder" in parts and bytes(parts[f"{root}/byteorder"].data) != b"little":
        raise Refused("it was written on a machine of another byte order")

    def find(key: str, dtype: torch.dtype, count: int) -> Storage:
        part = parts.get(f"{root}/data/{key}")
        if part is None or len(part.data) != count * dtype.itemsize:
            found = "is missing" if part is None else f"has {len(part.data):,} bytes"
            raise Refused(
                f"it is damaged: its part data/{plain(key, 40)} {found}; "
                f"{count * dtype.itemsize:,} bytes are claimed"
            )
        return Storage(dtype, count, part.check)

    content = parts[f"{root}/data.pkl"].check()
    if len(content) > _MOST_PICKLE:
        raise Refused("it describes more than any network file does")
    budget = Budget()
    machine = Machine(known(budget), budget, _Storages(find))
    value, _ = machine.read(content)
    return value, machine


def read_sequential(
    data: memoryview,
    names: Mapping[str, Handler | None] | None = None,
    budget: Budget | None = None,
) -> tuple[Any, Machine]:
    """Read a sequential file: five pickles, then count and raw numbers of each storage.

    Args:
        data: the whole file, or one that lies within another.
        names: what it may name; all that state dicts need if not given.
        budget: of the file it lies within.

    Returns:
        As ``read_zip``; a storage that stands alone stays a ``Storage``.

    Raises:
        Refused: it is damaged or another kind of file.
    """
    found: dict[str, Storage] = {}

    def find(key: str, dtype: torch.dtype, count: int) -> Storage:
        if count * dtype.itemsize > len(data):
            raise Refused(f"it is cut short, or claims {count:,} numbers that are not there")
        return found.setdefault(key, Storage(dtype, count))

    budget = budget or Budget()
    machine = Machine(known(budget) if names is None else names, budget, _Storages(find))
    parts: list[Any] = []
    place = 0
    for expected in (_MAGIC, _PROTOCOL, None, None, None):
        before = len(machine.strangers)
        part, place = machine.read(data, place)
        # Those of the fourth pickle, the contents, are told with the way to them.
        if machine.strangers[before:] and (names is not None or len(parts) != 3):
            raise Refused(f"it names {plain(machine.strangers[before].name)}")
        if expected is not None and (type(part) is not int or part != expected):
            raise Refused("it is no file of PyTorch's, nor safetensors")
        parts.append(part)
    _, _, _, value, keys = parts
    listed = isinstance(keys, list) and all(isinstance(key, str) for key in keys)
    if not listed or sorted(keys) != sorted(found):
        raise Refused("it has an unknown layout (its storages are not those it lists)")
    for key in keys:
        place = _give(found[key], data, place)
    return value, machine


def _give(storage: Storage, data: memoryview, place: int) -> int:
    """Find a storage's numbers in a sequential file; returns the place behind them."""
    size = storage.count * storage.dtype.itemsize
    if place + 8 > len(data):
        raise Refused("a storage in it is truncated")
    (stored,) = struct.unpack_from("<q", data, place)
    raw = data[place + 8 : place + 8 + size]
    if stored != storage.count or len(raw) != size:
        raise Refused("a storage in it is truncated")
    storage.raw = lambda: raw
    return place + 8 + size


class _Storages:
    """Answers the pickle's references to its storages."""

    def __init__(self, find: Callable[[str, torch.dtype, int], Storage]) -> None:
        self.find = find

    def __call__(self, identity: Any) -> Storage | Odd | Name:
        if isinstance(identity, tuple) and len(identity) == 4 and isinstance(identity[1], Name):
            return identity[1]  # a class, of which sequential files keep the source text, too
        if not isinstance(identity, tuple) or not 5 <= len(identity) <= 6:
            raise Refused("it refers to something outside it")
        word, kind, key, _, count, *view_of = identity
        whole = isinstance(kind, Name) and isinstance(count, int) and count >= 0
        if word != "storage" or not isinstance(key, str) or view_of not in ([], [None]):
            raise Refused("it has a storage of a kind that is not supported")
        if not whole:
            raise Refused("it describes a storage in an unknown way")
        dtype = STORAGES.get(kind.text)
        return Odd() if dtype is None else self.find(key, dtype, count)


def known(budget: Budget) -> dict[str, Handler | None]:
    """Globals of state dicts, and what stands for them; their work is taken from the budget."""

    def first(value: Any, *_: Any) -> Any:
        return value

    def tensor(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> StoredTensor | Odd:
        return storage if isinstance(storage, Odd) else view(storage, offset, size, stride)

    def typed_tensor(
        storage: Any, offset: Any, size: Any, stride: Any, _: Any, __: Any, dtype: Any, *___: Any
    ) -> StoredTensor | Odd:
        kind = _DTYPES.get(dtype.text) if isinstance(dtype, Name) else None
        return Odd() if kind is None else view(storage, offset, size, stride, kind)

    return {
        "torch._utils._rebuild_tensor": tensor,
        "torch._utils._rebuild_tensor_v2": tensor,
        "torch._utils._rebuild_tensor_v3": typed_tensor,
        "torch._utils._rebuild_parameter": first,
        "torch._utils._rebuild_parameter_with_state": first,
        **dict.fromkeys(_ODD, lambda *_: Odd()),
        **dict.fromkeys(STORAGES, None),
        **dict.fromkeys((str(value) for value in vars(torch).values() if _is_word(value)), None),
        # What optimisers and schedulers keep beside the weights.
        "collections.OrderedDict": mapping_within(budget),
        "collections.Counter": mapping_within(budget),
        **dict.fromkeys(
            ("torch.Size", "torch.device", "torch.serialization._get_layout", "_codecs.encode",
             "builtins.set", "__builtin__.set", "builtins.bytearray", "__builtin__.bytearray"),
            lambda *values: values[0] if values else [],
        ),
    }  # fmt: skip


_ODD = [
    f"torch._utils._rebuild_{kind}"
    for kind in (
        "sparse_tensor", "sparse_csr_tensor", "nested_tensor", "qtensor",
        "meta_tensor_no_storage", "device_tensor_from_numpy", "device_tensor_from_cpu_tensor",
    )
]  # fmt: skip


def mapping_within(budget: Budget) -> Handler:
    """What stands for a mapping made of pairs or of another mapping."""

    def mapping(content: Any = (), *_: Any) -> dict[Any, Any]:
        if not isinstance(content, dict | list | tuple):
            raise Refused("it makes a mapping from something else than pairs")
        budget.take(len(content))
        if isinstance(content, dict):
            return dict(content)
        made: dict[Any, Any] = {}
        if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in content):
            raise Refused("it makes a mapping from something else than pairs")
        put(made, content)
        return made

    return mapping


def _is_word(value: Any) -> bool:
    """Whether a member of PyTorch is a mere name: a dtype, a layout, a memory format."""
    return isinstance(value, torch.dtype | torch.layout | torch.memory_format | torch.qscheme)
