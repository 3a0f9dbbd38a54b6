"""What a user study asks: tasks of photographs and options, and which option is what."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import TYPE_CHECKING, Any

from mirage.errors import MirageError
from mirage.evaluation import gallery
from mirage.paper.userstudy.recipe import OPTIONS
from mirage.runtime import files
from mirage.streams import seed_of
from mirage.study.chunks import members

if TYPE_CHECKING:
    import numpy as np

    from mirage.data.views import View

SEED = 42
"""Of the draws. No setting: what is shown shall be nobody's choice."""
EXAMPLES = 5
"""Photographs of the person (paper C.10)."""
TRAP_EVERY, LEAST_TRAPS = 10, 5
"""A honeypot to so many tasks, and so many at least; the paper does not say how many it had."""
SAME, OTHER = "same person", "other person"
"""What the options of a honeypot are."""


@dataclass(frozen=True, eq=False)
class Question:
    """One task.

    Attributes:
        person: class of the examples.
        examples: photographs, uint8 [C, H, W] each.
        options: (what it is, picture) each: a treatment, or of a honeypot ``SAME`` or ``OTHER``.
    """

    person: int
    examples: "Sequence[np.ndarray]"
    options: "Sequence[tuple[str, np.ndarray]]"


def questions(
    galleries: Mapping[str, str],
    photographs: str,
    tasks: int,
    seed: int,
    groups: Mapping[str, Any],
) -> list[Question]:
    """Make every task of a study, the honeypots last.

    Per person five training photographs and the attacks' most robust results (paper C.10). A
    honeypot shows two further photographs of the person and one of somebody else of the same
    group, who is the answer.

    Args:
        galleries: treatment -> its gallery.
        photographs: the targets' view.
        tasks: people asked about.
        seed: of the targets, whose training images the examples are.
        groups: classes by gender; empty where that is not known.

    Raises:
        MirageError: galleries of too few people, or of others; too few photographs for honeypots.
    """
    from mirage.data.views import View

    view = View(photographs, seed)
    pictures = {treatment: _gallery(path) for treatment, path in galleries.items()}
    people = _common(galleries, pictures, tasks)
    asked = [
        Question(
            person,
            [view.pixels[index].numpy() for index in _drawn(view, person)[:EXAMPLES]],
            [(treatment, own[person]) for treatment, own in pictures.items()],
        )
        for person in people
    ]
    everyone = sorted(set(view.labels[view.train].tolist()))
    count = max(LEAST_TRAPS, ceil(tasks / TRAP_EVERY))
    return [*asked, *_traps(view, everyone, count, groups)]


def _gallery(path: str) -> "dict[int, np.ndarray]":
    """Person -> picture."""
    held = files.load_tensors(path, "images", "labels")
    return dict(zip(held["labels"].tolist(), held["images"].numpy(), strict=True))


def _common(
    paths: Mapping[str, str], pictures: "Mapping[str, Mapping[int, np.ndarray]]", tasks: int
) -> list[int]:
    """The people asked about, the same of every attack."""
    drawn = {name: gallery.drawn(own, tasks) for name, own in pictures.items()}
    first = next(iter(drawn.values()))
    for name, people in drawn.items():
        if len(people) < tasks or people != first:
            raise MirageError(
                f"{paths[name]} has no images of the {tasks} people that are asked about",
                "the first of the draw of the attacked people, as many for every attack",
                "lower the study's tasks, or delete it; the next run makes it anew",
            )
    return first


def _drawn(view: "View", person: int) -> list[int]:
    """A person's training photographs in the order of a draw."""
    own = view.train[view.labels[view.train] == person].tolist()
    return sorted(own, key=partial(seed_of, SEED, "userstudy", "photographs", person))


def _traps(
    view: "View", everyone: Sequence[int], count: int, groups: Mapping[str, Any]
) -> list[Question]:
    """Honeypots: people drawn in turn, some again with other photographs of somebody else."""
    further = OPTIONS - 1
    counts = view.labels[view.train].bincount().tolist()
    able = [one for one in everyone if counts[one] >= EXAMPLES + further]
    people = sorted(able, key=partial(seed_of, SEED, "userstudy", "honeypots"))
    made = []
    for turn in range(count):
        person = people[turn % len(people)] if people else -1
        others = [one for one in _alike(person, everyone, groups) if one != person]
        if not others or not people:
            raise MirageError(
                "the study cannot have honeypots",
                f"a person of {EXAMPLES + further} training photographs, and another one",
            )
        other = min(others, key=partial(seed_of, SEED, "userstudy", "others", turn, person))
        own = [view.pixels[index].numpy() for index in _drawn(view, person)]
        stranger = view.pixels[_drawn(view, other)[0]].numpy()
        options = [(SAME, image) for image in own[EXAMPLES : EXAMPLES + further]]
        made.append(Question(person, own[:EXAMPLES], [*options, (OTHER, stranger)]))
    return made


def _alike(person: int, everyone: Sequence[int], groups: Mapping[str, Any]) -> Sequence[int]:
    """Everyone of a person's group; all where it has none."""
    mine = [group for group in map(members, groups.values()) if person in group]
    return [one for one in everyone if one in mine[0]] if mine else everyone
