"""Pictures under names that tell nothing, in files that are all of one size."""

import hashlib
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mirage.paper.grid import pixels
from mirage.paper.userstudy.questions import Question

if TYPE_CHECKING:
    import numpy as np

_QUALITY = 95
_DIGITS = 12


@dataclass(frozen=True)
class BlindTask:
    """One task whose names tell nothing.

    Attributes:
        name: of the task.
        person: class that is asked about, which no annotator sees.
        examples: names of pictures.
        options: name of a picture -> what it is, which no annotator sees; by rising name.
    """

    name: str
    person: int
    examples: tuple[str, ...]
    options: dict[str, str]


def blinded(asked: Sequence[Question]) -> tuple[list[BlindTask], dict[str, bytes]]:
    """Name tasks and pictures by hashes; both are ordered by name.

    The hashes are salted with all the pictures, so no reader of this code can tell from a name
    what a picture is.

    Returns:
        The tasks, and name -> JPEG file.
    """
    encoded = [
        ([jpeg(image) for image in one.examples], [jpeg(image) for _, image in one.options])
        for one in asked
    ]
    every = [file for examples, options in encoded for file in (*examples, *options)]
    salt = hashlib.sha256(b"".join(every)).hexdigest()
    size = max(map(len, every))
    pictures: dict[str, bytes] = {}

    def named(file: bytes) -> str:
        name = _name(salt, "picture", len(pictures))
        pictures[name] = file.ljust(size, b"\0")  # no reader looks behind a JPEG's end
        return name

    tasks = []
    for index, (one, (examples, files)) in enumerate(zip(asked, encoded, strict=True)):
        shown = tuple(sorted(map(named, examples)))
        kinds = [what for what, _ in one.options]
        hidden = dict(zip(map(named, files), kinds, strict=True))
        name, options = _name(salt, "task", index), dict(sorted(hidden.items()))
        tasks.append(BlindTask(name, one.person, shown, options))
    return sorted(tasks, key=lambda task: task.name), dict(sorted(pictures.items()))


def _name(salt: str, kind: str, index: int) -> str:
    return hashlib.sha256(f"{salt} {kind} {index}".encode()).hexdigest()[:_DIGITS]


def jpeg(image: "np.ndarray") -> bytes:
    """One picture [C, H, W] as a JPEG file, colours as fine as grey."""
    from PIL import Image

    file = io.BytesIO()
    picture = Image.fromarray(pixels(image))
    picture.save(file, "JPEG", quality=_QUALITY, subsampling=0, optimize=True)
    return file.getvalue()
