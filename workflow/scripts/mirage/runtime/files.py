"""Files that are either whole or absent.

Everything is written beside its destination, flushed to the disk and renamed, so a reader never
meets half a file, whenever the writer was killed. Tensors live in safetensors files, which can
run no code.
"""

import csv
import errno
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from mirage.errors import MirageError
from mirage.runtime.headers import require_header
from mirage.runtime.regular import opened

_ABANDONED_S = 3600.0
_DISK = {
    errno.ENOSPC: "the disk is full; free some space and run the same command again",
    errno.EDQUOT: "the disk quota is used up; free some space and run the same command again",
    errno.EROFS: "the folder is read-only; choose a writable results folder",
    errno.EACCES: "the folder may not be written to; mend its permissions",
}


@contextmanager
def writing(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside ``path`` that replaces it when the block ends well.

    Args:
        path: where the finished file shall lie; its folder is made.

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
            yield temporary
            with temporary.open("rb+") as file:
                os.fsync(file.fileno())
            temporary.replace(path)
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
        raise MirageError(f"cannot write {path}", remedy=_DISK[error.errno]) from error


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


def write_text(path: str | Path, text: str) -> None:
    """Write a UTF-8 text file, whole or not at all."""
    with writing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: Any) -> None:
    """Write indented JSON with sorted keys, so equal values are equal bytes. NaN is refused."""
    write_text(path, json.dumps(value, indent=2, sort_keys=True, allow_nan=False) + "\n")


def read_json(path: str | Path) -> Any:
    """Read a JSON file.

    Raises:
        MirageError: the file is missing or is no JSON.
    """
    with opened(path) as file:
        content = file.read()
    try:
        return json.loads(content.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        line = f" (line {error.lineno})" if isinstance(error, json.JSONDecodeError) else ""
        raise MirageError(
            f"{path} is no valid JSON{line}", remedy="delete it; the next run makes it anew"
        ) from error


def write_rows(path: str | Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as CSV in full precision; the columns are all keys in order of appearance."""
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with writing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        table = csv.DictWriter(file, columns, lineterminator="\n")
        table.writeheader()
        table.writerows(rows)


def checksum(path: str | Path) -> str:
    """blake2b of a file's bytes, 32 hexadecimal characters.

    Raises:
        MirageError: the file is missing.
    """
    with opened(path) as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()


def save_tensors(
    path: str | Path, tensors: Mapping[str, Any], metadata: Mapping[str, Any] | None = None
) -> None:
    """Write torch tensors and a metadata header as one safetensors file.

    Args:
        path: destination.
        tensors: name -> tensor; moved to the CPU and made contiguous.
        metadata: JSON-able values, stored as one JSON text under the header key ``mirage``.
    """
    from safetensors.torch import save_file

    ready = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    header = {"mirage": json.dumps(dict(metadata or {}), sort_keys=True)}
    with writing(path) as temporary, _disk_errors():
        save_file(ready, temporary, metadata=header)


@contextmanager
def _disk_errors() -> Iterator[None]:
    """Turn safetensors' own error about a full disk back into the OSError it was."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        if "os error 28" in str(error) or "No space left" in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise


def load_tensors(path: str | Path, *names: str) -> dict[str, Any]:
    """Read tensors of a safetensors file onto the CPU.

    Args:
        path: the file.
        names: which tensors; all when none is named.

    Raises:
        MirageError: the file is missing, truncated, no safetensors file, or lacks a name.
    """
    from safetensors import safe_open

    with _readable(path), safe_open(str(path), framework="pt") as file:
        held = list(file.keys())
        missing = [name for name in names if name not in held]
        if missing:
            raise MirageError(
                f"{path} holds no tensor {', '.join(missing)}", f"it among {', '.join(held)}"
            )
        return {name: file.get_tensor(name) for name in names or held}


def read_metadata(path: str | Path) -> dict[str, Any]:
    """Read the metadata header that ``save_tensors`` wrote.

    Raises:
        MirageError: the file is missing, damaged, or was not written by this project.
    """
    from safetensors import safe_open

    with _readable(path), safe_open(str(path), framework="np") as file:
        header = json.loads((file.metadata() or {}).get("mirage", "null"))
    if not isinstance(header, dict):
        raise MirageError(
            f"{path} has no metadata header of this project", remedy="make or import it anew"
        )
    return header


@contextmanager
def _readable(path: str | Path) -> Iterator[None]:
    from safetensors import SafetensorError

    require_header(path)
    try:
        yield
    except (SafetensorError, ValueError, EOFError) as error:
        raise MirageError(
            f"{path} cannot be read, it is damaged",
            "a complete safetensors file",
            "delete it; the next run makes or fetches it anew",
        ) from error
