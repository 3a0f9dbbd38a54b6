"""Files that are either whole or absent.

Everything is written beside its destination, flushed to the disk and renamed, so a reader never
meets half a file, whenever the writer was killed, and carries a digest that every reader here
asks for (``integrity``). Permissions follow the umask. Tensors live in safetensors files, which
can run no code.
"""

import errno
import hashlib
import json
import math
import os
import stat
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mirage import sheets
from mirage.errors import MirageError
from mirage.runtime import integrity
from mirage.runtime.regular import culprit, opened
from mirage.visible import listed

_ABANDONED_S = 3600.0
_MOST_AXES = 8
_DTYPES = {
    "torch.int64": "I64", "torch.float64": "F64", "torch.float32": "F32", "torch.int32": "I32",
    "torch.bfloat16": "BF16", "torch.float16": "F16", "torch.int16": "I16",
    "torch.int8": "I8", "torch.uint8": "U8", "torch.bool": "BOOL",
}  # fmt: skip
_DISK = {
    errno.ENOSPC: "the disk is full; free some space and run the same command again",
    errno.EDQUOT: "the disk quota is used up; free some space and run the same command again",
    errno.EROFS: "the folder is read-only; choose a writable results folder",
    errno.EACCES: "it may not be written there; ask the owner, or choose another results folder",
    errno.EPERM: "it may not be written there; ask the owner, or choose another results folder",
}


@contextmanager
def writing(path: str | Path, *, sealed: bool = True) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that replaces it when the block ends well.

    Args:
        path: where the finished file shall lie; its folder is made.
        sealed: leave a digest; not for notes that live as long as a job.

    Yields:
        The path to write to. If the block raises, the temporary file is removed and an older
        file at ``path`` stays as it was.

    Raises:
        MirageError: the disk is full, read-only or may not be written to.
    """
    path = Path(path)
    # The process id keeps two writers apart; the leading dot keeps globs from seeing it.
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with explaining_disk(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            _sweep(path)
            temporary.unlink(missing_ok=True)
            temporary.touch(exist_ok=False)
            mode = stat.S_IMODE(temporary.stat().st_mode)  # what umask and folder make of a file
            yield temporary
            if stat.S_IMODE(temporary.stat().st_mode) != mode:
                temporary.chmod(mode)  # a library put a private file of its own in its place
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            digest = integrity.note(temporary, path) if sealed else None
            # In this order a file between the two is unchecked, never held to another's digest.
            integrity.beside(path).unlink(missing_ok=True)
            temporary.replace(path)
            if digest is not None:
                integrity.lay_beside(path, digest)
            _sync_folder(path.parent)
    finally:
        # A failed clean-up must not hide why the block ended.
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


@contextmanager
def explaining_disk(path: str | Path) -> Iterator[None]:
    """Turn errors of a full, read-only or forbidden disk into a message that names ``path``.

    Raises:
        MirageError: the block met one of them.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _DISK:
            raise
        barred = culprit(path) if error.errno in (errno.EACCES, errno.EPERM) else ""
        raise MirageError(f"cannot write {path}{barred}", remedy=_DISK[error.errno]) from error


def _sweep(path: Path) -> None:
    """Remove what killed writers left of this file; a younger part may still be written."""
    for part in path.parent.glob(f".{path.name}.*.part"):
        with suppress(OSError):
            if time.time() - part.stat().st_mtime > _ABANDONED_S:
                part.unlink()


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems know no fsync of a folder; the file itself is already safe.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)


def write_text(path: str | Path, text: str, *, sealed: bool = True) -> None:
    """Write a UTF-8 text file, whole or not at all."""
    with writing(path, sealed=sealed) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any, *, sealed: bool = True) -> None:
    """Write indented JSON with sorted keys, so equal values are equal bytes. NaN is refused."""
    text = json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n"
    write_text(path, text, sealed=sealed)


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises:
        MirageError: the file is missing, unreadable, damaged or is no JSON.
    """
    with opened(path) as file:
        content = file.read()
    try:
        integrity.check(path)
        return json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        line = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise MirageError(
            f"{path} is no valid JSON{line}", remedy="delete it; the next run makes it anew"
        ) from error


def write_rows(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV in full precision; the columns are all keys in order of appearance."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [[row.get(column, "") for column in columns] for row in rows]
    write_text(path, sheets.text([columns, *lines]))


def checksum(path: str | Path) -> str:
    """blake2b of a file's bytes, 32 hexadecimal characters.

    Raises:
        MirageError: the file is missing or unreadable.
    """
    with opened(path) as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def sound(path: str | Path) -> Path:
    """Return ``path`` once it is known to be readable and what was written.

    Raises:
        MirageError: the file is missing, no regular file, may not be read, or is damaged.
    """
    with opened(path):
        integrity.check(path)
        return Path(path)


def save_tensors(
    path: str | Path, tensors: Mapping[str, Any], metadata: Mapping[str, Any] | None = None
) -> None:
    """Write torch tensors and a metadata header as one safetensors file.

    Args:
        path: destination.
        tensors: name -> tensor; moved to the CPU and made contiguous.
        metadata: JSON-able values, stored as one JSON text under the header key ``mirage``.
    """
    import torch

    ready = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    # As the library orders them; each tensor lies at a multiple of its element's size.
    ranks = list(_DTYPES)
    names = sorted(ready, key=lambda name: (ranks.index(str(ready[name].dtype)), name))
    entries: dict[str, Any] = {
        "__metadata__": integrity.header_metadata(json.dumps(dict(metadata or {}), sort_keys=True))
    }
    end = 0
    for name in names:
        start, end = end, end + ready[name].numel() * ready[name].element_size()
        entries[name] = {
            "dtype": _DTYPES[str(ready[name].dtype)],
            "shape": list(ready[name].shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(entries, separators=(",", ":")).encode()
    # Where a matrix lies decides how it rounds: 64 bytes further than without a digest.
    text = text.ljust(math.ceil((len(text) - integrity.ROOM) / 8) * 8 + 64)
    head, payload = len(text).to_bytes(8, "little") + text, integrity.hasher()
    with writing(path) as temporary, temporary.open("wb") as file:
        file.write(head)
        for name in names:
            if ready[name].numel():
                content = memoryview(ready[name].reshape(-1).view(torch.uint8).numpy())
                file.write(content)
                payload.update(content)
        file.seek(0)
        file.write(integrity.seal_header(head, payload))


def load_tensors(path: str | Path, *names: str) -> dict[str, Any]:
    """Read tensors of a safetensors file onto the CPU.

    Args:
        path: the file.
        names: which tensors; all when none is named.

    Raises:
        MirageError: the file is missing, truncated, no safetensors file, or lacks a name.
    """
    from safetensors import safe_open

    with _readable(path), safe_open(str(sound(path)), framework="pt") as file:
        held = list(file.keys())
        missing = [name for name in names if name not in held]
        if missing:
            raise MirageError(
                f"{path} holds no tensor {listed(missing)}", f"it among {listed(held)}"
            )
        if any(len(file.get_slice(name).get_shape()) > _MOST_AXES for name in held):
            raise ValueError("a tensor of more axes than any has")
        return {name: file.get_tensor(name) for name in names or held}


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Read the metadata header that ``save_tensors`` wrote.

    Raises:
        MirageError: the file is missing, damaged, or was not written by this project.
    """
    from safetensors import safe_open

    with _readable(path), safe_open(str(sound(path)), framework="np") as file:
        header = json.loads((file.metadata() or {}).get("mirage", "null"))
    if not isinstance(header, dict):
        raise MirageError(
            f"{path} has no metadata header of this project", remedy="make or import it anew"
        )
    return header


@contextmanager
def _readable(path: str | Path) -> Iterator[None]:
    """Tell of a damaged header, which the library holds to the bytes there, in our words."""
    from safetensors import SafetensorError

    with opened(path) as file:
        length = int.from_bytes(file.read(8), "little")
    try:
        if length > integrity.MOST_HEADER:
            raise ValueError("the header claims more than any file of tensors needs")
        yield
    except (SafetensorError, ValueError, EOFError) as error:
        raise MirageError(
            f"{path} cannot be read, it is damaged",
            "a complete safetensors file",
            "delete it; the next run makes or fetches it anew",
        ) from error
