"""Writing a safetensors file whose pixels arrive piece by piece.

The library's own writer wants the whole tensor in memory. The format needs only the sizes in the
header, so the header's room is kept free, the pixels are appended, and the header is filled in
at the end.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from mirage.runtime import files, integrity

if TYPE_CHECKING:
    from numpy.typing import NDArray

_MOST_IMAGES = 2**63  # the widest number the header must have room for
_ALIGNMENT = 8
_LENGTH_BYTES = 8


class PixelStream:
    """Writes the uint8 tensor ``pixels`` of one file, one image after the other.

    Attributes:
        start: byte at which the pixels begin.
        digest: ``integrity.hasher`` of all that follows the header.
    """

    def __init__(
        self,
        file: BinaryIO,
        image_shape: tuple[int, ...] = (),
        indices: "Mapping[str, NDArray[np.int64]] | None" = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> None:
        """Write all that goes before the pixels, but for the header.

        Args:
            file: open for writing; left at ``start``.
            image_shape: shape of what is appended each time; ``pixels`` gets one more axis in
                front. Empty for a flat tensor.
            indices: further tensors, written as they are.
            metadata: JSON-able values under the header key that ``files.read_metadata`` reads.
        """
        self._file, self._shape = file, image_shape
        self._indices, self._metadata = dict(sorted((indices or {}).items())), metadata or {}
        self.digest = integrity.hasher()
        self._room = math.ceil(len(self._header(_MOST_IMAGES)) / _ALIGNMENT) * _ALIGNMENT
        file.seek(_LENGTH_BYTES + self._room)
        for index in self._indices.values():
            self.append(np.ascontiguousarray(index, dtype="<i8"))
        self.start = file.tell()

    def append(self, values: "NDArray[Any]") -> None:
        """Append values of any shape, in C order."""
        content = np.ascontiguousarray(values).reshape(-1).data
        self._file.write(content)
        self.digest.update(content)

    def finish(self) -> None:
        """Fill in the header; the file's end is that of the pixels."""
        images = (self._file.tell() - self.start) // math.prod(self._shape)
        head = self._room.to_bytes(_LENGTH_BYTES, "little") + self._header(images).ljust(self._room)
        self._file.seek(0)
        self._file.write(integrity.seal_header(head, self.digest))

    def _header(self, images: int) -> bytes:
        entries: dict[str, Any] = {
            "__metadata__": integrity.header_metadata(json.dumps(self._metadata, sort_keys=True))
        }
        tensors = {name: ("I64", 8, [len(index)]) for name, index in self._indices.items()}
        tensors["pixels"] = ("U8", 1, [images, *self._shape])
        end = 0
        for name, (kind, width, shape) in tensors.items():
            start, end = end, end + width * math.prod(shape)
            entries[name] = {"dtype": kind, "shape": shape, "data_offsets": [start, end]}
        return json.dumps(entries, separators=(",", ":")).encode()


def map_flat_pixels(path: Path) -> "NDArray[np.uint8]":
    """Map the flat pixels of a file without further tensors, read-only and without copying.

    Raises:
        MirageError: the file is missing, truncated or no safetensors file.
    """
    files.read_metadata(path)  # lets the library check the header against the file's length
    with path.open("rb") as file:
        room = int.from_bytes(file.read(_LENGTH_BYTES), "little")
    return np.memmap(path, dtype=np.uint8, mode="r", offset=_LENGTH_BYTES + room)
