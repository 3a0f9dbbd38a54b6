"""Reading a pickle of a network as plain data: nothing in the file is ever run.

The published StyleGAN2 files are pickles that carry their own python source, which the official
loader executes. Here the few globals such files need stand for passive records, every other global
is refused, and the source text is ignored. Tensor data lie inside the pickle as nested files in
PyTorch's old layout; these are parsed here as well, because PyTorch's loader is meant for files one
trusts. A record's tensors are decoded only when asked for.
"""

import io
import math
import pickle
import struct
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import torch
from torch import Tensor

from mirage.errors import MirageError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_SCALARS = {"f8": "d", "f4": "f", "i8": "q", "i4": "i", "b1": "?"}


@dataclass(frozen=True)
class ModuleRecord:
    """A network module as it lay in the file.

    Attributes:
        class_name: of the module.
        state: its attributes; ``_parameters``, ``_buffers`` and ``_modules`` hold the rest.
    """

    class_name: str
    state: dict[str, Any]


@dataclass(frozen=True)
class TensorRecord:
    """A tensor not yet decoded: a nested storage file and a view into it."""

    storage: bytes
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]

    def decode(self) -> Tensor:
        """Make the tensor, on the CPU and contiguous.

        Raises:
            MirageError: the nested file is damaged or asks for anything but plain numbers.
        """
        try:
            values = _read_storage(self.storage)
            # A stride of 0 would let a few bytes ask for any amount of memory.
            if math.prod(self.size) > len(values):
                raise MirageError("a tensor in the pickle is larger than its storage")
            return torch.as_strided(values, self.size, self.stride, self.offset).clone(
                memory_format=torch.contiguous_format
            )
        except MirageError:
            raise
        except Exception as error:  # whatever a damaged file leads to
            raise MirageError(f"a tensor in the pickle cannot be read ({error})") from error


def read_records(path: str | Path) -> Any:
    """Read a pickle of networks as plain containers and records.

    Raises:
        MirageError: the file is missing, no pickle, truncated, or asks for a global that networks
            do not need.
    """
    try:
        with Path(path).open("rb") as file:
            return _Records(file).load()
    except FileNotFoundError as error:
        raise MirageError(f"{path} is missing", remedy="correct the path") from error
    except MirageError as error:
        raise MirageError(f"{path} is refused: {error}") from error
    except Exception as error:  # the unpickler raises nearly anything on damaged files
        raise MirageError(
            f"{path} cannot be read ({type(error).__name__}: {error})",
            "a complete StyleGAN2 pickle",
            "fetch it again",
        ) from error


def _refuse(module: str, name: str) -> NoReturn:
    if module.startswith("dnnlib.tflib"):
        raise MirageError(
            "it is a pickle of the older TensorFlow code (dnnlib.tflib)",
            "the PyTorch format of stylegan2-ada-pytorch or of the stylegan3 repository",
            "fetch ffhq.pkl of stylegan2-ada-pytorch or stylegan2-ffhq-1024x1024.pkl; a network "
            "that exists in TensorFlow alone is converted by the script legacy.py of "
            "stylegan2-ada-pytorch, which runs code from the file, so on a machine kept apart",
        )
    raise MirageError(
        f"the pickle asks for {module}.{name}, which no StyleGAN2 file in the PyTorch format needs",
        remedy="use the official file, and compare its checksum",
    )


class _Closed(pickle.Unpickler):
    """An unpickler that knows only the globals it is given."""

    def __init__(self, file: Any, known: dict[tuple[str, str], Any]) -> None:
        super().__init__(file)
        self._known = known

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._known:
            _refuse(module, name)
        return self._known[module, name]

    def persistent_load(self, identity: Any) -> Any:
        raise MirageError(f"the pickle refers to something outside it ({str(identity)[:80]!r})")


class _Records(_Closed):
    def __init__(self, file: Any) -> None:
        super().__init__(file, _stand_ins())


def _stand_ins() -> dict[tuple[str, str], Any]:
    """Globals of the files, and what stands for them.

    Made anew for every file: a pickle can set attributes of whatever it names.
    """

    class Options(dict[str, Any]):
        """For EasyDict."""

    class Kind:
        """For numpy's dtype: element code and byte order."""

        def __init__(self, code: str, *_: object) -> None:
            self.code, self.order = code, "<"

        def __setstate__(self, state: tuple[Any, ...]) -> None:
            self.order = state[1]

    def scalar(kind: Kind, data: bytes) -> float | int | bool:
        order = {"|": "<"}.get(kind.order, kind.order)
        value: float | int | bool
        (value,) = struct.unpack({"<": "<", ">": ">"}[order] + _SCALARS[kind.code], data)
        return value

    def tensor(storage: bytes, offset: int, size: Any, stride: Any, *_: object) -> TensorRecord:
        if not isinstance(storage, bytes):
            raise MirageError("the pickle builds a tensor from something else than a storage")
        return TensorRecord(storage, int(offset), tuple(size), tuple(stride))

    def parameter(data: TensorRecord, *_: object) -> TensorRecord:
        return data

    def storage(data: bytes) -> bytes:
        return data

    def persistent(meta: Any) -> ModuleRecord:
        return _module_record(meta)

    return {
        ("torch_utils.persistence", "_reconstruct_persistent_obj"): persistent,
        ("collections", "OrderedDict"): OrderedDict,
        # Before protocol 4 a set is a call; every module has one since PyTorch 1.6.
        ("builtins", "set"): set,
        ("__builtin__", "set"): set,
        ("torch._utils", "_rebuild_tensor_v2"): tensor,
        ("torch._utils", "_rebuild_parameter"): parameter,
        ("torch.storage", "_load_from_bytes"): storage,
        ("numpy.core.multiarray", "scalar"): scalar,
        ("numpy._core.multiarray", "scalar"): scalar,
        ("numpy", "dtype"): Kind,
        ("dnnlib.util", "EasyDict"): Options,
    }


def _module_record(meta: Any) -> ModuleRecord:
    if not isinstance(meta, dict) or meta.get("type") != "class":
        kind = meta.get("type") if isinstance(meta, dict) else type(meta).__name__
        raise MirageError(f"the pickle holds a persistent object of type {kind!r}", "'class'")
    name, state = meta.get("class_name"), meta.get("state")
    if not isinstance(name, str) or not isinstance(state, dict):
        raise MirageError("the pickle holds a persistent object without class name or state")
    return ModuleRecord(name, state)


class _Storage(_Closed):
    """The pickles inside a nested storage file; its one reference becomes (dtype, count)."""

    def __init__(self, file: Any) -> None:
        super().__init__(file, {("torch", name): name for name in _DTYPES})

    def persistent_load(self, identity: Any) -> tuple[torch.dtype, str, int]:
        word, kind, key, _, count, view = identity
        if word != "storage" or view is not None:
            raise MirageError("a storage in the pickle is of a kind that is not supported")
        return _DTYPES[kind], str(key), int(count)


def _read_storage(data: bytes) -> Tensor:
    """Parse PyTorch's layout before its zip files: five pickles, the count, the raw numbers."""
    file = io.BytesIO(data)
    magic, protocol, _, (dtype, key, count), keys = (_Storage(file).load() for _ in range(5))
    if magic != _MAGIC or protocol != _PROTOCOL or keys != [key]:
        raise MirageError("a storage in the pickle has an unknown layout")
    (stored,) = struct.unpack("<q", file.read(8))
    raw = bytearray(file.read())
    if stored != count or len(raw) != count * dtype.itemsize:
        raise MirageError("a storage in the pickle is truncated")
    return torch.frombuffer(raw, dtype=dtype) if count else torch.empty(0, dtype=dtype)
