"""CSV that reads back as it was written, and in which no spreadsheet finds a formula."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from typing import TypeVar

Value = TypeVar("Value")

# How text begins that a spreadsheet would run, in either width, and our own mark before such text.
_FORMULA = re.compile("[=+\\-@\t\r\n'\uff1d\uff0b\uff0d\uff20]")
_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")


def cell(value: Value) -> Value | str:
    """Write a cell so that no spreadsheet runs it as a formula.

    Numbers pass, negative ones and their text too. Other text that begins like a formula gets an
    apostrophe in front, as does text that begins with one, so that ``read_cell`` finds the
    original again.
    """
    if isinstance(value, str) and _FORMULA.match(value) and not _NUMBER.fullmatch(value):
        return f"'{value}"
    return value


def read_cell(text: str) -> str:
    """What ``cell`` was given."""
    return text.removeprefix("'")


class _Lines(io.StringIO):
    """Ends rows with a line feed where the writer ends them with two characters.

    The writer quotes what its line end holds: with a line feed alone it would leave a carriage
    return inside a name unquoted, and readers would see two rows.
    """

    def write(self, row: str) -> int:
        return super().write(row.removesuffix("\r\n") + "\n")


def text(rows: Iterable[Sequence[object]]) -> str:
    """Write rows as CSV in full precision, with equal bytes on every platform."""
    lines = _Lines(newline="")
    csv.writer(lines).writerows([cell(value) for value in row] for row in rows)
    return lines.getvalue()
