"""Reader of the handwritten digits that come with scikit-learn."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

from mirage.data.listing import Listing, Photo, Reader, Sources
from mirage.data.packaged import packaged
from mirage.data.tree import folder_at
from mirage.errors import MirageError
from mirage.runtime.regular import opened

TABLE = "digits.csv.gz"
DIGITS = 1_797
CLASSES = 10
SIDE = 8
LARGEST = 16
"""Value of a pixel that is all ink: the sum of 4 x 4 binary ones."""
_MOST_BYTES = 1 << 20  # of the table unpacked, which has a quarter of that
_REMEDY = "install scikit-learn anew, or copy its digits.csv.gz again"


def list_digits(sources: Sources) -> Listing:
    """List the handwritten digits: 1,797 grey images of 8 x 8 pixels with 17 levels.

    They are rows of one table, in whose order they stand. Label = digit. The levels 0 to 16 are
    spread over 0 to 255 and rounded, halves up.

    Args:
        sources: ``folder`` with ``digits.csv.gz``; without it the copy that comes with the
            installed package scikit-learn is taken.

    Raises:
        MirageError: the table is missing, damaged or another one; a bad line is named.

    Source: scikit-learn's ``load_digits``, the test part of the UCI data set "Optical Recognition
    of Handwritten Digits" (Alpaydin and Kaynak 1998).
    """
    folder = folder_at(sources["folder"] if "folder" in sources else _installed())
    path = folder / TABLE
    photos = []
    for number, line in enumerate(_lines(path), 1):
        *pixels, digit = _values(line, f"{path}, line {number}")
        name = f"{digit}/{number:04d}.pgm"
        photos.append(Photo(name, str(digit), path, content=_picture(pixels)))
    if len(photos) != DIGITS:
        raise MirageError(f"{path} holds {len(photos):,} digits", f"{DIGITS:,}", _REMEDY)
    identities = [str(digit) for digit in range(CLASSES)]
    if {photo.identity for photo in photos} != set(identities):
        raise MirageError(f"{path} does not hold every digit", "0 to 9", _REMEDY)
    return Listing(photos, identities, [])


def _lines(path: Path) -> Iterator[str]:
    try:
        with opened(path, missing=_REMEDY) as packed, gzip.GzipFile(fileobj=packed) as table:
            content = table.read(_MOST_BYTES + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise MirageError(f"{path} cannot be unpacked ({error})", "a gzip file", _REMEDY) from error
    if len(content) > _MOST_BYTES:
        raise MirageError(f"{path} unpacks to more than {_MOST_BYTES:,} bytes", remedy=_REMEDY)
    return iter(content.decode("latin-1").splitlines())


def _values(line: str, where: str) -> list[int]:
    """Pixels, row by row, and the digit."""
    texts = line.split(",")
    bounds = [LARGEST] * SIDE**2 + [CLASSES - 1]
    if len(texts) != len(bounds):
        raise MirageError(f"{where}: {len(texts)} values", f"{len(bounds)}", _REMEDY)
    for place, (text, most) in enumerate(zip(texts, bounds, strict=True), 1):
        if not (text.isascii() and text.isdigit() and int(text) <= most):
            raise MirageError(
                f"{where}: value {place} is {text[:20]!r}",
                f"a whole number of 0 to {most}",
                _REMEDY,
            )
    return [int(text) for text in texts]


def _picture(values: list[int]) -> bytes:
    """A binary PGM file, as photographs come in."""
    pixels = bytes((2 * 255 * value + LARGEST) // (2 * LARGEST) for value in values)
    return b"P5 %d %d 255\n" % (SIDE, SIDE) + pixels


def _installed() -> Path:
    return packaged(
        "sklearn", "scikit-learn", "the digits", f"a folder with {TABLE}", "datasets", "data"
    )


READER = Reader(list_digits, optional=("folder",))
