"""Words from inside a stranger's file, made fit for a message."""

_LONGEST = 120


def plain(text: object, longest: int = _LONGEST) -> str:
    """Text that a terminal shows as it is: one line, no control characters, not for ever.

    Whatever is not printable (escape sequences, line ends, marks of writing direction, halves of
    characters) becomes its escape, as in Python's source.
    """
    shown = text if isinstance(text, str) else str(text)
    cut = shown[: longest + 1]
    told = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in cut)
    return told if len(told) <= longest else f"{told[: longest - 1]}…"
