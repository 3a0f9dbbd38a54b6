"""State dicts of other projects as plain tensors: safetensors, and both layouts of PyTorch.

The oldest layout, a tar archive, is named and refused, since it cannot be read without running what
its pickle says; none of the files this project needs is one (torchvision's first ResNet files were,
vision issue 2068; those of today are not).
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from mirage.errors import MirageError
from mirage.foreign import culprits
from mirage.foreign.plain_pickle import Machine, Refused
from mirage.foreign.torch_files import StoredTensor, read_sequential, read_zip
from mirage.foreign.wording import plain
from mirage.runtime import files
from mirage.runtime.regular import mapped
from mirage.visible import listed

NESTED = ("model_state_dict", "state_dict")
"""Keys under which training programs keep the weights beside epoch and optimiser."""

_ZIP = b"PK\x03\x04"
_LONGEST_NAME = 256
_HINT = "fetch it again and compare its checksum"
_FETCH = "fetch it; nothing is downloaded silently"


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Read names and tensors of a file of weights; no code in it can run.

    A mapping with the weights under one of ``NESTED`` is opened; whatever stands beside them
    (epoch, optimiser) is left alone.

    Args:
        path: safetensors or PyTorch file; the content decides, not the name.

    Returns:
        Name -> tensor on the CPU, as they stand in the file.

    Raises:
        MirageError: the file is missing, unreadable, no regular file, damaged, of another kind, or
            holds more than tensors; then the entry and its class are named.
    """
    path = Path(path)
    data = mapped(path, _FETCH)
    head = bytes(data[:512])
    if _is_safetensors(head):
        state: dict[str, Tensor] = files.load_tensors(path)
        _check_names(state, path)
        return state
    _refuse_other_kinds(path, head)
    try:
        value, machine = (read_zip if head.startswith(_ZIP) else read_sequential)(data)
        views = _views(value, machine, path)
        return {name: found.decode() for name, found in views.items()}
    except Refused as problem:
        raise MirageError(
            f"{path} cannot be read as network weights: {problem}",
            "a complete state dict saved by PyTorch, or safetensors",
            _HINT,
        ) from problem


def container(path: str | Path) -> str:
    """Name the container of a readable file: ``safetensors``, ``torch zip``, ``torch legacy``."""
    head = bytes(mapped(path, _FETCH)[:512])
    if _is_safetensors(head):
        return "safetensors"
    return "torch zip" if head.startswith(_ZIP) else "torch legacy"


def _is_safetensors(head: bytes) -> bool:
    """Eight bytes with the header's length, then a JSON object."""
    return len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**32


def _refuse_other_kinds(path: Path, head: bytes) -> None:
    if head[257:262] == b"ustar":
        raise MirageError(
            f"{path} is a tar archive, PyTorch's layout of 2016, which cannot be read without "
            "running what it says",
            "a zip or sequential PyTorch file, or safetensors",
            "fetch the file the asset list names; torchvision has replaced its tar files",
        )
    if head.lstrip()[:1] == b"<":
        raise MirageError(
            f"{path} is a web page, not weights",
            "the file itself",
            "fetch it again; the download probably asked for a log-in or a confirmation",
        )
    if not head:
        raise MirageError(f"{path} cannot be read, it is empty", "a file of weights", _HINT)


def _views(value: Any, machine: Machine, path: Path) -> dict[str, StoredTensor]:
    """The tensors of a state dict; everything else in the file must be plain values."""
    content = value
    for key in NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    names = content if isinstance(content, Mapping) else {}
    strangers = culprits.tell(value, machine.strangers)
    if strangers:
        raise MirageError(
            f"{path} is refused, nothing in it was run: {strangers}",
            "names, plain tensors and plain values alone, as in a state dict saved by PyTorch",
            "use the published file; or, if you trust whoever made this one, have it saved anew "
            "there with torch.save(model.state_dict(), FILE)",
        )
    others = [
        f"{plain(n)} ({_class(v)})" for n, v in names.items() if not isinstance(v, StoredTensor)
    ]
    if others or not names:
        held = listed(others, most=4, nothing=f"{_class(value)} without entries")
        raise MirageError(
            f"{path} holds no state dict: what is no tensor in it is {held}",
            f"names and tensors, at the top or under {' or '.join(NESTED)}",
            "use the published file, or have its state dict saved anew by whoever made it",
        )
    views = {str(name): found for name, found in names.items()}
    _check_names(views, path)
    return views


def _class(value: Any) -> str:
    return "a tensor" if isinstance(value, StoredTensor) else f"of class {type(value).__name__}"


def _check_names(state: Mapping[str, Any], path: Path) -> None:
    long = [name for name in state if len(name) > _LONGEST_NAME]
    if long:
        raise MirageError(
            f"{path} holds a tensor whose name has {len(long[0]):,} characters ({plain(long[0])})",
            f"at most {_LONGEST_NAME}",
            _HINT,
        )
