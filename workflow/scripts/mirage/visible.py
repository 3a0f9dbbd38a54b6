"""What others named or wrote, fit for one line of a terminal, a log or a message."""

import re
import unicodedata
from collections.abc import Iterable

MOST = 10
"""Names that a message lists before it counts the rest."""

# Controls and escape sequences, bidirectional and zero-width marks, halves of characters (Python's
# form of bytes in file names that are no UTF-8), line and paragraph separators.
_HIDDEN = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
_SHORT = {"\n": r"\n", "\r": r"\r", "\t": r"\t"}
_WHITE = re.compile("[\t-\r\x1c-\x1f\x85\u2028\u2029]+")


def visible(text: object, keep: str = "") -> str:
    r"""Show characters that act instead of being seen as escapes: ``\n``, ``\x1b``, ``\u202e``.

    Args:
        text: anything; its ``str`` is taken.
        keep: characters to leave as they are, ``"\n"`` for text of several lines.

    Returns:
        Text that neither moves the cursor nor turns the direction of writing, and that any UTF-8
        stream takes. What is visible already comes back unchanged.
    """
    whole = str(text)
    if whole.isprintable():
        return whole
    return "".join(c if c in keep else _shown(c) for c in whole)


def _shown(character: str) -> str:
    if unicodedata.category(character) not in _HIDDEN:
        return character
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # a byte that was no UTF-8
        code -= 0xDC00
    short = _SHORT.get(character)
    return short or (
        f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"
    )


def one_line(text: object) -> str:
    """A title for print: line breaks and tabs become a blank, the rest is ``visible``."""
    return visible(_WHITE.sub(" ", str(text)))


def listed(
    names: Iterable[object], most: int = MOST, joint: str = ", ", nothing: str = "none"
) -> str:
    """Write a list into a message: the first names, made ``visible``, and how many more there are.

    ``joint`` stands between them; an empty list is called ``nothing``.
    """
    found = list(names)
    more = f" and {len(found) - most:,} more" if len(found) > most else ""
    return joint.join(map(visible, found[:most])) + more if found else nothing
