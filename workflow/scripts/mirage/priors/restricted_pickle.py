"""Reading a pickle of a network as plain data: nothing in the file is ever run.

The published StyleGAN2 files are pickles that carry their own python source, which the official
loader executes. Here ``foreign.plain_pickle`` reads them: the few globals such files need stand
for passive records, every other global is refused by name, and the source text is ignored. Tensor
data lie inside the pickle as nested files in PyTorch's old layout. A record's tensors are decoded
only when asked for, and none may claim more than its nested file holds.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mirage.errors import MirageError
from mirage.foreign import culprits
from mirage.foreign.plain_pickle import Budget, Handler, Machine, Refused, Stranger
from mirage.foreign.torch_files import Storage, known, odd_tensor, read_sequential
from mirage.foreign.wording import plain
from mirage.runtime.regular import mapped

_SCALARS = ("f8", "f4", "i8", "i4", "b1")
_PARTS = ("_parameters", "_buffers", "_modules")
_USUAL = (
    "collections.OrderedDict", "builtins.set", "__builtin__.set",
    "torch._utils._rebuild_tensor_v2", "torch._utils._rebuild_parameter",
)  # fmt: skip


@dataclass(frozen=True)
class ModuleRecord:
    """A network module as it lay in the file.

    Attributes:
        class_name: of the module.
        state: its attributes; ``_parameters``, ``_buffers`` and ``_modules`` hold the rest.
    """

    class_name: str
    state: dict[str, Any]

    def parts(self) -> list[tuple[Any, Any]]:
        """All it holds; its tables are steps without a name, as in PyTorch's dotted names."""
        return [(None if name in _PARTS else name, value) for name, value in self.state.items()]


def read_records(path: str | Path) -> Any:
    """Read a pickle of networks as plain containers and records.

    Raises:
        MirageError: the file is missing, no pickle, truncated, asks for a global that networks do
            not need, or claims more than it holds.
    """
    data = mapped(path, "correct the path")
    try:
        machine = Machine(Budget())
        machine.known = _stand_ins(machine)
        value, _ = machine.read(data)
        _refuse_strangers(value, machine)
    except Refused as problem:
        raise MirageError(
            f"{path} cannot be read as a StyleGAN2 pickle: {problem}",
            "a complete StyleGAN2 pickle",
            "fetch it again",
        ) from problem
    except MirageError as error:
        raise MirageError(f"{path} is refused: {error}") from error
    return value


def _refuse_strangers(value: Any, machine: Machine) -> None:
    if any(stranger.name.startswith("dnnlib.tflib") for stranger in machine.strangers):
        raise MirageError(
            "it is a pickle of the older TensorFlow code (dnnlib.tflib)",
            "the PyTorch format of stylegan2-ada-pytorch or of the stylegan3 repository",
            "fetch ffhq.pkl of stylegan2-ada-pytorch or stylegan2-ffhq-1024x1024.pkl; a network "
            "that exists in TensorFlow alone is converted by the script legacy.py of "
            "stylegan2-ada-pytorch, which runs code from the file, so on a machine kept apart",
        )
    told = culprits.tell(value, machine.strangers)
    if told:
        raise MirageError(
            f"nothing in it was run; {told}",
            "only what StyleGAN2 files in the PyTorch format need",
            "use the official file, and compare its checksum",
        )


def _stand_ins(machine: Machine) -> dict[str, Handler | None]:
    """Globals of the files, and what stands for them."""

    def storage(data: Any) -> Storage | Stranger:
        if not isinstance(data, memoryview):
            raise Refused("it makes a tensor of something else than a nested file")
        try:
            value, _ = read_sequential(data, machine)
        except Refused as problem:
            return odd_tensor(machine, f"in a nested file, and {problem}")
        return value if isinstance(value, Storage) else odd_tensor(machine)

    usual = known(machine)
    return {
        "torch_utils.persistence._reconstruct_persistent_obj": _module_record,
        "dnnlib.util.EasyDict": usual["collections.OrderedDict"],
        "torch.storage._load_from_bytes": storage,
        "numpy.core.multiarray.scalar": _scalar,
        "numpy._core.multiarray.scalar": _scalar,
        "numpy.dtype": _Kind,
        **{name: usual[name] for name in _USUAL},
    }


class _Kind:
    """For numpy's dtype: element code and byte order."""

    def __init__(self, code: Any, *_: object) -> None:
        self.code, self.order = code, "<"

    def take_state(self, state: Any) -> None:
        if isinstance(state, tuple) and len(state) > 1:
            self.order = state[1]


def _scalar(kind: Any, data: Any) -> float | int | bool:
    fits = isinstance(kind, _Kind) and kind.code in _SCALARS and kind.order in ("<", ">", "|")
    if not fits or not isinstance(data, memoryview):
        raise Refused("it holds a NumPy scalar of an unknown kind")
    dtype = np.dtype(kind.code).newbyteorder(kind.order)
    if dtype.itemsize != len(data):
        raise Refused("it holds a damaged NumPy scalar")
    value: float | int | bool = np.frombuffer(data, dtype)[0].item()
    return value


def _module_record(meta: Any) -> ModuleRecord:
    if not isinstance(meta, dict) or meta.get("type") != "class":
        kind = meta.get("type") if isinstance(meta, dict) else None
        told = repr(plain(kind)) if isinstance(kind, str) else "an unknown type"
        raise Refused(f"the pickle holds a persistent object of type {told} instead of 'class'")
    name, state = meta.get("class_name"), meta.get("state")
    if not isinstance(name, str) or not isinstance(state, dict):
        raise Refused("the pickle holds a persistent object without class name or state")
    return ModuleRecord(name, state)
