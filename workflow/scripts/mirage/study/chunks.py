"""Chunks of classes: an attack is cut into them, and each is a job."""


def chunks(classes: int, per_chunk: int | None) -> list[str]:
    """Cut the classes into consecutive chunks, named by first and last class: ``0-33``.

    Args:
        classes: number of classes, attacked in ascending order.
        per_chunk: classes in a chunk; None for one chunk.
    """
    size = per_chunk or classes
    return [f"{first}-{min(first + size, classes) - 1}" for first in range(0, classes, size)]


def classes_of(chunk: str) -> range:
    """Classes of a chunk name."""
    first, last = map(int, chunk.split("-"))
    return range(first, last + 1)
