"""Writing a safetensors file whose pixels arrive piece by piece.

The library's own writer wants the whole tensor in memory. The format needs only the sizes in the
header, so the header's room is kept free, the pixels are appended, and the header is filled in
at the end.
"""

import json
import math
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from mirage.runtime import files, integrity

if TYPE_CHECKING:
    from numpy.typing import NDArray

PIXELS = "pixels"
_MOST_BYTES = 2**63  # the widest number the header must have room for
_ALIGNMENT = 8
_LENGTH_BYTES = 8


class PixelStream:
    """Takes pixels one image after the other."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.written = 0
        self.digest = integrity.hasher()

    def append(self, pixels: "NDArray[np.uint8]") -> None:
        """Append uint8 pixels of any shape, in C order."""
        content = np.ascontiguousarray(pixels).reshape(-1).data
        self.written += self._file.write(content)
        self.digest.update(content)


@contextmanager
def pixel_stream(
    path: Path,
    image_shape: tuple[int, ...] = (),
    indices: "Mapping[str, NDArray[np.int64]] | None" = None,
    metadata: Mapping[str, Any] | None = None,
) -> Iterator[PixelStream]:
    """Write one safetensors file, whole or not at all.

    Args:
        path: destination.
        image_shape: shape of what is appended each time; the tensor ``pixels`` (uint8) gets one
            more axis in front. Empty for a flat tensor.
        indices: further int64 tensors, written as they are.
        metadata: JSON-able values under the header key that ``files.read_metadata`` reads.
    """
    indices, metadata = indices or {}, metadata or {}
    per_image = math.prod(image_shape)
    room = _room(indices, image_shape, metadata)
    with files.writing(path) as temporary, temporary.open("wb") as file:
        file.seek(_LENGTH_BYTES + room)
        stream = PixelStream(file)
        for name in sorted(indices):
            content = np.ascontiguousarray(indices[name], dtype="<i8").data
            file.write(content)
            stream.digest.update(content)
        yield stream
        if stream.written % per_image:
            raise ValueError(f"{stream.written} bytes are no whole number of {image_shape} images")
        shape = (stream.written // per_image, *image_shape)
        _write_header(file, room, _header(indices, shape, metadata), stream.digest)


def flat_start() -> int:
    """Byte at which the pixels of a flat file without further tensors begin."""
    return _LENGTH_BYTES + _room({}, (), {})


def finish_flat(file: BinaryIO, pixel_bytes: int, digest: Any) -> None:
    """Give a file whose pixels were written from byte ``flat_start()`` on its header.

    Args:
        file: the file.
        pixel_bytes: how many follow the header.
        digest: ``integrity.hasher`` that was given all of them.
    """
    room = _room({}, (), {})
    _write_header(file, room, _header({}, (pixel_bytes,), {}), digest)


def _room(
    indices: "Mapping[str, NDArray[np.int64]]",
    image_shape: tuple[int, ...],
    metadata: Mapping[str, Any],
) -> int:
    widest = _header(indices, (_MOST_BYTES, *image_shape), metadata)
    return math.ceil(len(widest) / _ALIGNMENT) * _ALIGNMENT


def _write_header(file: BinaryIO, room: int, header: bytes, digest: Any) -> None:
    head = room.to_bytes(_LENGTH_BYTES, "little") + header.ljust(room)
    file.seek(0)
    file.write(integrity.seal_header(head, digest))


def _header(
    indices: "Mapping[str, NDArray[np.int64]]", shape: tuple[int, ...], metadata: Mapping[str, Any]
) -> bytes:
    entries: dict[str, Any] = {
        "__metadata__": integrity.header_metadata(json.dumps(metadata, sort_keys=True))
    }
    start = 0
    for name in sorted(indices):
        end = start + 8 * len(indices[name])
        entries[name] = {
            "dtype": "I64",
            "shape": [len(indices[name])],
            "data_offsets": [start, end],
        }
        start = end
    end = start + math.prod(shape)
    entries[PIXELS] = {"dtype": "U8", "shape": list(shape), "data_offsets": [start, end]}
    return json.dumps(entries, separators=(",", ":")).encode()


def map_flat_pixels(path: Path) -> "NDArray[np.uint8]":
    """Map the flat pixels of a file without further tensors, read-only and without copying.

    Raises:
        MirageError: the file is missing, truncated or no safetensors file.
    """
    files.read_metadata(path)  # lets the library check the header against the file's length
    with path.open("rb") as file:
        room = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    start = _LENGTH_BYTES + room
    if path.stat().st_size == start:
        return np.empty(0, dtype=np.uint8)  # nothing can be mapped
    return np.memmap(path, dtype=np.uint8, mode="r", offset=start)
