"""PyTorch's files as plain data: zip files (since 1.6) and the sequential files before them.

PyTorch's own restricted reader runs no code either, but it believes the sizes it reads. Here a
tensor is a view that must lie within its storage, and a storage is a part of the file.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from mirage.foreign.plain_pickle import Budget, Handler, Machine, Name, Refused, Stranger, put
from mirage.foreign.wording import plain
from mirage.foreign.zips import stored_parts

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_MOST_AXES = 8
_MOST_PICKLE = 64 * 2**20
_UNUSUAL = "sparse, quantised, nested or without values"
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


def _view(
    storage: Any, offset: Any, size: Any, stride: Any, dtype: torch.dtype | None = None
) -> StoredTensor | str:
    """Hold a tensor's description to its storage.

    Returns:
        The view; in words what is wrong if it reaches beyond the storage or claims more numbers
        than lie there (a stride of 0 would let a few bytes claim any amount).
    """
    if not isinstance(storage, Storage):
        return "made from something else than a storage"
    if not (
        isinstance(size, tuple)
        and isinstance(stride, tuple)
        and len(size) == len(stride) <= _MOST_AXES
        and all(isinstance(n, int) and n >= 0 for n in (offset, *size, *stride))
    ):
        return "described in an unknown way"
    kind = dtype or storage.dtype
    there = storage.count * storage.dtype.itemsize // kind.itemsize
    count = math.prod(size)
    last = offset + sum((n - 1) * step for n, step in zip(size, stride, strict=True))
    if count > there or (count and last >= there) or offset > there:
        return f"larger than its storage ({plain(list(size))} from {there:,} numbers)"
    return StoredTensor(storage, kind, offset, size, stride)


def read_zip(data: memoryview) -> tuple[Any, Machine]:
    """Read a zip file.

    Args:
        data: the whole file.

    Returns:
        Its value, with ``StoredTensor`` for tensors, and the machine, whose strangers are all that
        is no data, such as tensors that are sparse or larger than their storage.

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
    machine = _machine(Budget(), find)
    value, _ = machine.read(content)
    return value, machine


def read_sequential(data: memoryview, nested_in: Machine | None = None) -> tuple[Any, Machine]:
    """Read a sequential file: five pickles, then count and raw numbers of each storage.

    Args:
        data: the whole file, or one that lies within another.
        nested_in: reads that other file, and shares its budget; the nested one may name storages
            alone, and nothing stands for a call of one.

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

    machine = _machine(nested_in.budget if nested_in else Budget(), find)
    if nested_in:
        machine.known = dict.fromkeys(STORAGES, None)
    parts: list[Any] = []
    place = 0
    for expected in (_MAGIC, _PROTOCOL, None, None, None):
        before = len(machine.strangers)
        part, place = machine.read(data, place)
        # Those of the fourth pickle, the contents, are told with the way to them.
        if machine.strangers[before:] and (nested_in or len(parts) != 3):
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
    start, size = place + 8, storage.count * storage.dtype.itemsize
    raw = data[start : start + size]
    if data[place:start] != storage.count.to_bytes(8, "little") or len(raw) != size:
        raise Refused("a storage in it is truncated")
    storage.raw = lambda: raw
    return start + size


def _machine(budget: Budget, find: Callable[[str, torch.dtype, int], Storage]) -> Machine:
    """Reads state dicts whose storages, by key, dtype and count, are what ``find`` gives."""

    def storage(identity: Any) -> Storage | Stranger | Name:
        if isinstance(identity, tuple) and len(identity) == 4 and isinstance(identity[1], Name):
            return identity[1]  # a class, of which sequential files keep the source text, too
        if not isinstance(identity, tuple) or not 5 <= len(identity) <= 6:
            raise Refused("it refers to something outside it")
        word, kind, key, _, count, *view_of = identity
        fits = isinstance(kind, Name) and isinstance(key, str) and isinstance(count, int)
        if word != "storage" or not fits or count < 0 or view_of not in ([], [None]):
            raise Refused("it describes a storage in an unknown way")
        dtype = STORAGES.get(kind.text)
        return odd_tensor(machine) if dtype is None else find(key, dtype, count)

    machine = Machine(budget, storage)
    machine.known = known(machine)
    return machine


def odd_tensor(machine: Machine, why: str = _UNUSUAL) -> Stranger:
    """What stands for a tensor that cannot be taken: a stranger, so that its name is told."""
    return machine.stranger(why, "is a tensor that is")


def known(machine: Machine) -> dict[str, Handler | None]:
    """Globals of state dicts, and what stands for them; their work is taken from the budget."""

    def tensor(storage: Any, *described: Any) -> StoredTensor | Stranger:
        if isinstance(storage, Stranger):
            return storage
        found = _view(storage, *described)
        return odd_tensor(machine, found) if isinstance(found, str) else found

    def untyped(storage: Any, offset: Any, size: Any, stride: Any, *_: Any) -> Any:
        return tensor(storage, offset, size, stride)

    def typed(
        storage: Any, offset: Any, size: Any, stride: Any, _: Any, __: Any, dtype: Any, *___: Any
    ) -> Any:
        kind = _DTYPES.get(dtype.text) if isinstance(dtype, Name) else None
        return odd_tensor(machine) if kind is None else tensor(storage, offset, size, stride, kind)

    def mapping(content: Any = (), *_: Any) -> dict[Any, Any]:
        pairs = content.items() if isinstance(content, dict) else content
        if not isinstance(content, dict | list | tuple) or not all(
            isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs
        ):
            raise Refused("it makes a mapping from something else than pairs")
        machine.budget.take(len(content))
        made: dict[Any, Any] = {}
        put(made, pairs)
        return made

    return {
        "torch._utils._rebuild_tensor": untyped,
        "torch._utils._rebuild_tensor_v2": untyped,
        "torch._utils._rebuild_tensor_v3": typed,
        **dict.fromkeys(_ODD, lambda *_: odd_tensor(machine)),
        **dict.fromkeys(STORAGES, None),
        **dict.fromkeys((str(value) for value in vars(torch).values() if _is_word(value)), None),
        # What optimisers and schedulers keep beside the weights.
        "collections.OrderedDict": mapping,
        "collections.Counter": mapping,
        # Before protocol 4 a set is a call.
        **dict.fromkeys(
            ("torch._utils._rebuild_parameter", "torch._utils._rebuild_parameter_with_state",
             "torch.Size", "torch.device", "torch.serialization._get_layout", "_codecs.encode",
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


def _is_word(value: Any) -> bool:
    """Whether a member of PyTorch is a mere name: a dtype, a layout, a memory format."""
    return isinstance(value, torch.dtype | torch.layout | torch.memory_format | torch.qscheme)
