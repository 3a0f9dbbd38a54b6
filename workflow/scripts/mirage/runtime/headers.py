"""The header of a safetensors file, looked at before the library opens the file.

The library checks it, too, but takes 100 MB of JSON for a header, and its messages are those of a
parser. Facts: eight bytes with the header's length, a JSON object of dtype, shape and place of
each tensor, then the numbers without a gap.
"""

import json
import math
import os
from pathlib import Path
from typing import Any

from mirage.errors import MirageError
from mirage.runtime.regular import opened

_MOST_BYTES = 2 * 2**20  # of JSON, at some 100 bytes a tensor; parsing it is what a refusal costs
_MOST_AXES = 8
_BITS = {
    "BOOL": 8, "U8": 8, "I8": 8, "F8_E5M2": 8, "F8_E4M3": 8, "F8_E8M0": 8, "U16": 16, "I16": 16,
    "F16": 16, "BF16": 16, "U32": 32, "I32": 32, "F32": 32, "U64": 64, "I64": 64, "F64": 64,
    "C64": 64,
}  # fmt: skip


def require_header(path: str | Path) -> None:
    """Refuse a file whose header is none, or claims other bytes than are there.

    Raises:
        MirageError: says what is wrong with it; also if it is missing or no regular file.
    """
    with opened(path) as file:
        size = os.fstat(file.fileno()).st_size
        length = int.from_bytes(file.read(8), "little")
        if size < 9 or length > size - 8:
            raise _damaged(path, "it is cut short, or no such file")
        if length > _MOST_BYTES:
            raise _damaged(path, f"its header claims {length:,} bytes")
        text = file.read(length)
    try:
        header = json.loads(text.decode("utf-8"))
        entries = {name: entry for name, entry in header.items() if name != "__metadata__"}
    except (ValueError, RecursionError, AttributeError) as error:
        raise _damaged(path, "its header is no JSON object") from error
    place = 0
    spans = sorted((_span(entry), str(name)) for name, entry in entries.items())
    for (start, stop), name in spans:
        if start != place or stop < start:
            raise _damaged(path, f"the header's entry {ascii(name)[:80]} is impossible")
        place = stop
    if place != size - 8 - length:
        raise _damaged(path, f"{size - 8 - length:,} bytes of numbers, its header claims {place:,}")


def _span(entry: Any) -> tuple[int, int]:
    """Where a tensor's numbers lie; an impossible place for an impossible entry."""
    try:
        shape, (start, stop) = entry["shape"], entry["data_offsets"]
        numbers = [*shape[: _MOST_AXES + 1], start, stop]
        whole = all(type(number) is int and 0 <= number < 2**48 for number in numbers)
        bits = math.prod(shape) * _BITS[entry["dtype"]] if whole and len(shape) <= _MOST_AXES else 1
        return (start, stop) if bits == 8 * (stop - start) else (-1, -1)
    except (KeyError, TypeError, ValueError):
        return -1, -1


def _damaged(path: str | Path, why: str) -> MirageError:
    return MirageError(
        f"{path} cannot be read: {why}",
        "a complete safetensors file",
        "delete it; the next run makes or fetches it anew",
    )
