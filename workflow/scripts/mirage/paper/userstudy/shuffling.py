"""The order in which an annotator sees tasks and options: the page and its reader agree on it.

Orders follow from a hash, so a page needs no generator of its own, goes on after a reload, and an
export whose order is another was not saved by that page.
"""

import hashlib
from collections.abc import Iterable


def shuffled(names: Iterable[str], *stream: str) -> list[str]:
    """Names in the order of the SHA-256 of the stream's words and the name, joined by blanks."""

    def place(name: str) -> str:
        return hashlib.sha256(" ".join([*stream, name]).encode()).hexdigest()

    return sorted(names, key=place)
