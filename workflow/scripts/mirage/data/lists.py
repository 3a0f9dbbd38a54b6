"""Text lists that come with data sets: a file name and values a line."""

import io
import math
from collections.abc import Container, Iterator, Sequence
from pathlib import Path

from mirage.errors import MirageError
from mirage.runtime.regular import opened

_REMEDY = "get it again"
_LONGEST = 100_000  # letters of a line; one with 68 landmarks has a thousand


def _whole(text: str) -> bool:
    return text.isascii() and text.isdigit()


def _finite(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


_KINDS = {"whole number": _whole, "number": _finite}


def read_names(
    path: Path,
    kinds: Sequence[str] = (),
    heading: int = 0,
    wanted: Container[str] | None = None,
) -> dict[str, list[str]]:
    """Read a list of file names with values, separated by spaces or tabs.

    Args:
        path: the list; empty lines are passed over.
        kinds: kind of each value: "whole number" or "number" (finite).
        heading: lines in front that are no entries.
        wanted: names to keep; the values of others are counted, not looked at. None keeps all.

    Returns:
        File name -> its values as text, in the file's order.

    Raises:
        MirageError: the file is missing or empty, or a damaged line: its number and what is
            wrong with it (number of columns, a value, a name given before, a name with a folder).
    """
    found: dict[str, list[str]] = {}
    seen: set[str] = set()
    for number, line in _lines(path):
        if number <= heading:
            continue
        name, *values = line.split()
        problem = _problem(name, values, kinds, wanted is None or name in wanted)
        if name in seen:
            problem = f"{name} stands there before"
        if problem:
            raise MirageError(f"{path}, line {number}: {problem}", _form(kinds), _REMEDY)
        seen.add(name)
        if wanted is None or name in wanted:
            found[name] = values
    if not seen:
        raise MirageError(f"{path} holds no entries", _form(kinds), _REMEDY)
    return found


def read_numbers(path: Path, count: int) -> list[float]:
    """Read a file that holds nothing but ``count`` finite numbers.

    Raises:
        MirageError: the file is missing, another count, or a line with something else.
    """
    found: list[float] = []
    for number, line in _lines(path):
        for text in line.split():
            if not _finite(text):
                raise MirageError(
                    f"{path}, line {number}: {text!r} is no number", f"{count} of them"
                )
            found.append(float(text))
    if len(found) != count:
        raise MirageError(f"{path} holds {len(found)} numbers", f"{count} of them", _REMEDY)
    return found


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the lines that are not empty with their numbers, from 1."""
    try:
        with opened(path, missing=_REMEDY) as content:
            file = io.TextIOWrapper(content, encoding="utf-8-sig")
            for number, line in enumerate(iter(lambda: file.readline(_LONGEST), ""), 1):
                if len(line) == _LONGEST:
                    told = f"{path}, line {number}: more than {_LONGEST:,} letters"
                    raise MirageError(told, "a list of file names", _REMEDY)
                if line.strip():
                    yield number, line
    except UnicodeDecodeError as error:
        raise MirageError(f"{path} is no text file", "UTF-8 text", _REMEDY) from error
    except OSError as error:
        raise MirageError(f"{path} cannot be read ({error.strerror})") from error


def _problem(name: str, values: Sequence[str], kinds: Sequence[str], look: bool) -> str:
    if len(values) != len(kinds):
        return f"{1 + len(values)} columns"
    if "/" in name or "\\" in name or name in (".", ".."):
        return f"{name!r} is no plain file name"
    if look:
        for value, kind in zip(values, kinds, strict=True):
            if not _KINDS[kind](value):
                return f"{value!r} is no {kind} (of {name})"
    return ""


def _form(kinds: Sequence[str]) -> str:
    many = f" and {len(kinds)} times a {kinds[0]}" if len(kinds) > 1 else ""
    return "lines of a file name" + (many or "".join(f" and a {kind}" for kind in kinds))
