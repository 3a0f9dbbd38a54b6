"""State dicts of other projects, from any container, as plain tensors.

Containers: safetensors; PyTorch's zip files (since 1.6) and the sequential files before it, both
through PyTorch's own restricted reader, which builds tensors and containers and refuses any other
global. The oldest layout, a tar archive, is named and refused, since PyTorch can read it only by
running what the pickle says; none of the files this project needs is one (facts: torchvision's
first ResNet files were, vision issue 2068; those of today are not).
"""

import zipfile
from collections.abc import Mapping
from pathlib import Path
from pickle import UnpicklingError
from typing import Any

import torch
from torch import Tensor

from mirage.errors import MirageError
from mirage.visible import listed

NESTED = ("model_state_dict", "state_dict")
"""Keys under which training programs keep the weights beside epoch and optimiser."""

_ZIP = b"PK\x03\x04"
_TAR = slice(257, 262), b"ustar"
_SHOWN = 4
_HINT = "fetch it again and compare its checksum"


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Read names and tensors of a file of weights; no code in it can run.

    A mapping with the weights under one of ``NESTED`` is opened; whatever stands beside them
    (epoch, optimiser) is left alone.

    Args:
        path: safetensors or PyTorch file; the content decides, not the name.

    Returns:
        Name -> tensor on the CPU, as they stand in the file.

    Raises:
        MirageError: the file is missing, unreadable, a folder, damaged, of another kind, or holds
            more than tensors.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            head = file.read(512)
    except FileNotFoundError as error:
        raise MirageError(
            f"{path} is missing", remedy="fetch it; nothing is downloaded silently"
        ) from error
    except OSError as error:
        raise MirageError(
            f"{path} cannot be read ({error.strerror})", "one readable file of weights"
        ) from error
    if _is_safetensors(head):
        from mirage.runtime import files

        state: dict[str, Tensor] = files.load_tensors(path)
        return state
    _refuse_other_kinds(path, head)
    return _tensors(_load(path), path)


def container(path: str | Path) -> str:
    """Name the container of a readable file: ``safetensors``, ``torch zip``, ``torch legacy``."""
    with Path(path).open("rb") as file:
        head = file.read(512)
    if _is_safetensors(head):
        return "safetensors"
    return "torch zip" if head.startswith(_ZIP) else "torch legacy"


def _is_safetensors(head: bytes) -> bool:
    """Eight bytes with the header's length, then a JSON object."""
    return len(head) > 9 and head[8:9] == b"{" and int.from_bytes(head[:8], "little") < 2**32


def _refuse_other_kinds(path: Path, head: bytes) -> None:
    place, word = _TAR
    if head[place] == word:
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


def _load(path: Path) -> Any:
    try:
        _refuse_packed(path)
        return torch.load(path, map_location="cpu", weights_only=True)
    except MirageError:
        raise
    except UnpicklingError as error:
        raise MirageError(
            f"{path} is refused, it holds more than tensors and names "
            f"({_short(error)}), and cannot be read as network weights",
            "a state dict saved by PyTorch",
            "use the published file, or have its state dict saved anew by whoever made it",
        ) from error
    except Exception as error:  # zip, runtime, end-of-file errors and more, on damaged files
        raise MirageError(
            f"{path} cannot be read as network weights ({_short(error)})",
            "a complete state dict saved by PyTorch, or safetensors",
            _HINT,
        ) from error


def _refuse_packed(path: Path) -> None:
    """Refuse a zip whose parts take more room in memory than the file takes on the disk.

    PyTorch stores the parts as they are and still reads a zip that somebody has compressed, or
    whose entries share their bytes, so a small file could fill the memory.
    """
    if not zipfile.is_zipfile(path):
        return
    with zipfile.ZipFile(path) as archive:
        parts = archive.infolist()
    stored = all(part.compress_type == zipfile.ZIP_STORED for part in parts)
    if not stored or sum(part.file_size for part in parts) > path.stat().st_size:
        raise MirageError(
            f"{path} is a zip made anew, its parts are compressed or share their bytes",
            "PyTorch's zip, in which everything is stored as it is",
            _HINT,
        )


def _short(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:160]


def _tensors(content: Any, path: Path) -> dict[str, Tensor]:
    for key in NESTED:
        if isinstance(content, Mapping) and isinstance(content.get(key), Mapping):
            content = content[key]
    names = content if isinstance(content, Mapping) else {}
    if not names or not all(isinstance(v, Tensor) for v in names.values()):
        raise MirageError(
            f"{path} holds no state dict",
            f"names and tensors, at the top or under {' or '.join(NESTED)}",
        )
    odd = [str(name) for name, tensor in names.items() if not _is_plain(tensor)]
    if odd:
        raise MirageError(
            f"{path} holds {len(odd)} tensors that are sparse, quantised, nested or without "
            f"values ({listed(odd, most=_SHOWN)})",
            "plain tensors, each value in its place",
            "use the published file, or have its state dict saved anew by whoever made it",
        )
    return {str(name): tensor.detach() for name, tensor in names.items()}


def _is_plain(tensor: Tensor) -> bool:
    odd = tensor.is_meta or tensor.is_quantized or tensor.is_nested
    return tensor.layout == torch.strided and not odd
