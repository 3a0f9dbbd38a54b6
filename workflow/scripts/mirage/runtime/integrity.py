"""Digests of finished files, so that a flipped bit is told instead of computed with.

A file of tensors carries its digest in its header, any other file in a small hidden one beside it,
so that tables and records keep their bytes. Whoever reads a file asks ``check`` first; a process
asks once per file. XXH3 (128 bits) finds damage at the speed of memory; nobody forges here. Files
without a digest, of an older version or copied alone, pass unchecked.

The digest of tensors is that of the header, its own place filled with zeros, and of the digest of
all that follows: so a writer may fill the header in last.
"""

import json
import mmap
import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

from mirage.errors import MirageError
from mirage.places import place

SUFFIX = ".xxh3"
NOUGHT = "0" * 32
_KEY = "xxh3"
ROOM = len(f',"{_KEY}":"{NOUGHT}"')
"""Bytes that a digest adds to a header."""
_LENGTH = 8  # bytes before a header that tell its size
MOST_HEADER = 2 << 20
"""Bytes of a header, at some 100 a tensor; the library takes 50 times as many."""
_WINDOW = 16 << 20  # mapped at a time, so that a large file does not count as the job's memory
_STATED = re.compile(rb'"xxh3":"([^"]{32})"')
_REPOSITORY = Path(__file__).resolve().parents[4]
_checked: dict[tuple[Any, ...], str] = {}


def hasher() -> Any:
    """A running XXH3 of 128 bits: ``update(bytes)``, ``digest()``, ``hexdigest()``."""
    import xxhash

    return xxhash.xxh3_128()


def header_metadata(metadata: str) -> dict[str, str]:
    """Metadata of a safetensors header of ours, with room for its digest."""
    return {"mirage": metadata, _KEY: NOUGHT}


def seal_header(head: bytes, payload: Any) -> bytes:
    """Fill the digest into a header.

    Args:
        head: the bytes before the tensors, made with ``header_metadata``.
        payload: ``hasher`` of the bytes after them.
    """
    return head.replace(
        f'"{_KEY}":"{NOUGHT}"'.encode(), f'"{_KEY}":"{_combined(head, payload)}"'.encode(), 1
    )


def beside(path: str | Path) -> Path:
    """Where the digest of a file without a header of ours lies."""
    path = Path(path)
    return path.with_name(f".{path.name}{SUFFIX}")


def owner(digest_file: Path) -> Path:
    """The file a digest beside it belongs to; the inverse of ``beside``."""
    return digest_file.with_name(digest_file.name[1 : -len(SUFFIX)])


def digest(path: str | Path) -> str | None:
    """The digest that a file carries or that lies beside it, or None; it is not compared."""
    with Path(path).open("rb") as file:
        found = _STATED.search(_head(file) or b"")
    if found:
        return found[1].decode("latin-1")
    with suppress(FileNotFoundError):
        return beside(path).read_bytes().strip().decode("latin-1") or None
    return None


def note(temporary: Path, path: Path) -> str | None:
    """The digest to be laid beside ``path``, from a file about to take its place.

    Returns:
        None if the file carries its own, or is one that git keeps (and may exchange).
    """
    if path.resolve().is_relative_to(_REPOSITORY / "workflow"):
        return None
    with temporary.open("rb") as file:
        if _STATED.search(_head(file) or b""):
            return None
        return str(_over(file, 0).hexdigest())


def lay_beside(path: Path, digest: str) -> None:
    """Put a digest beside its file, whole or not at all."""
    place = beside(path)
    temporary = place.with_name(f"{place.name}.{os.getpid()}.part")
    temporary.write_text(f"{digest}\n", encoding="ascii")
    temporary.replace(place)


def check(path: str | Path) -> None:
    """Hold a file to its digest, once per process.

    Raises:
        MirageError: the content is not what was written; names the file and how it is made anew.
        OSError: it cannot be read.
    """
    status = Path(path).stat()
    stamp = (
        str(Path(path).resolve()), status.st_ino, status.st_size,
        status.st_mtime_ns, status.st_ctime_ns,
    )  # fmt: skip
    stated = digest(path)
    if stated is None:
        if _foreign_header(path):
            return
    elif _checked.get(stamp) == stated:
        return
    elif stated == _computed(path):
        _checked[stamp] = stated
        return
    raise damaged(path)


def damaged(path: str | Path) -> MirageError:
    """The error about a file whose content is not what was written."""
    return MirageError(
        f"{path} is damaged: its content is not what was written (a flipped bit, half a copy, or "
        "an edit by hand)",
        remedy=f"make it anew: {remedy(path)}",
    )


def remedy(path: str | Path) -> str:
    """The command that makes a file anew.

    Args:
        path: as a job names it, relative to the results of its scale.
    """
    whole = Path(os.path.normpath(Path.cwd() / path))
    if not whole.is_relative_to(Path.cwd()):
        if whole.is_relative_to(_REPOSITORY):
            return f"git checkout -- {whole.relative_to(_REPOSITORY)}"
        return f"snakemake --force {path}, or restore it from where it came"
    inside = whole.relative_to(Path.cwd()).as_posix()
    again = place(inside).again
    if again:
        return again.format(path=inside)
    return (
        f"snakemake --force {inside} (with the profile and settings of this run), then the same "
        "command again"
    )


def _combined(head: bytes, payload: Any) -> str:
    whole = hasher()
    whole.update(head)
    whole.update(payload.digest())
    return str(whole.hexdigest())


def _computed(path: str | Path) -> str:
    with Path(path).open("rb") as file:
        head = _head(file) or b""
        found = _STATED.search(head)
        if found is None:
            return str(_over(file, 0).hexdigest())
        start, end = found.span(1)
        return _combined(head[:start] + NOUGHT.encode() + head[end:], _over(file, len(head)))


def _over(file: BinaryIO, start: int) -> Any:
    """Hasher of a file's bytes from ``start`` on."""
    running = hasher()
    size = os.fstat(file.fileno()).st_size
    first = start - start % mmap.ALLOCATIONGRANULARITY
    for offset in range(first, size, _WINDOW):
        length = min(_WINDOW, size - offset)
        with (
            mmap.mmap(file.fileno(), length, prot=mmap.PROT_READ, offset=offset) as window,
            memoryview(window) as view,
            view[max(start - offset, 0) :] as part,
        ):
            running.update(part)
    return running


def _head(file: BinaryIO) -> bytes | None:
    """Length and header of a safetensors file; None if it cannot be one."""
    file.seek(0)
    size = os.fstat(file.fileno()).st_size
    start = file.read(_LENGTH + 1)
    length = int.from_bytes(start[:_LENGTH], "little")
    if start[_LENGTH:] != b"{" or length > min(size - _LENGTH, MOST_HEADER):
        return None
    return start + file.read(length - 1)


def _foreign_header(path: str | Path) -> bool:
    """Whether a file without a digest may be one; ours with its mark broken may not.

    A header of ours holds ``mirage`` alone (older versions) or with the digest.
    """
    with Path(path).open("rb") as file:
        head = _head(file)
    tensors = Path(path).suffix == ".safetensors"
    if head is None:
        return not tensors
    try:
        held = json.loads(head[_LENGTH:]).get("__metadata__", {})
        names = set(held)
    except (ValueError, AttributeError, TypeError, RecursionError):
        return not tensors
    ours = bool(names & {"mirage", _KEY})
    return not ours or names == {"mirage"}
