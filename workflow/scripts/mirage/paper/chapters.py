"""The report's chapters, in the paper's order: which items stand in which."""

from collections.abc import Iterable
from typing import NamedTuple

from mirage.paper.item import Item


class Chapter(NamedTuple):
    """A part of the report.

    Attributes:
        key: its anchor.
        title: its heading.
        first: position of its first item; it ends where the next one begins.
    """

    key: str
    title: str
    first: int


CHAPTERS = (
    Chapter("results", "Main results, the toy example, other defenses", 0),
    Chapter("images", "Number of training images, strength of smoothing", 40),
    Chapter("space", "Embedding space", 43),
    Chapter("stages", "Stages of the attack", 50),
    Chapter("adapted", "Lost accuracy, adapted attacks", 60),
    Chapter("lowres", "Low-resolution attacks, adversarial examples, backdoors, people", 62),
)


def chapter_of(item: Item) -> Chapter:
    """The chapter of an item, by its position."""
    return next(one for one in reversed(CHAPTERS) if item.position >= one.first)


def held(items: Iterable[Item]) -> list[Chapter]:
    """The chapters that have an item, in their order."""
    used = {chapter_of(item) for item in items}
    return [one for one in CHAPTERS if one in used]
