"""Words from inside a stranger's file, made fit for a message."""

from mirage.visible import visible

_LONGEST = 120


def plain(text: object, longest: int = _LONGEST) -> str:
    """Text that a terminal shows as it is: one line, no control characters, not for ever.

    It is ``visible``, and cut where it is longer.
    """
    told = visible(str(text)[: longest + 1])
    return told if len(told) <= longest else f"{told[: longest - 1]}…"
