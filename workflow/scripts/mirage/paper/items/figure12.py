"""Figure 12: one task of the user study, as annotators see it."""

import base64
import io
from typing import TYPE_CHECKING

from mirage.paper.drawing import DPI, style
from mirage.paper.item import Needs, Picture
from mirage.paper.userstudy.recipe import SETTINGS, UserStudyRecipe, userstudies

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from matplotlib.figure import Figure

    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study

_SIDE, _GAP, _HEAD = 192, 12, 64
"""Pixels: a picture's side, the room between two, and that above a row for its heading."""


def needs(study: "Study") -> Needs:
    """Page and key of the first study."""
    first = userstudies(study)[0]
    return Needs(list(first.attacks.values()), files=[first.page, first.key])


def draw(study: "Study", _: "Presentation") -> "Figure":
    """Draw the first task that is no honeypot; its options stand as the page names them."""
    from mirage.paper.userstudy.questionnaire import read_key, read_questions

    first = userstudies(study)[0]
    key, page = read_key(first.key), read_questions(first.page)
    task = next(one for one in page["tasks"] if key.tasks[one["name"]].answer is None)
    options = {f"Option {place}": name for place, name in enumerate(task["options"], start=1)}
    return sheet_of(page["pictures"], task["examples"], options)


def sheet_of(
    pictures: "Mapping[str, str]", examples: "Sequence[str]", options: "Mapping[str, str]"
) -> "Figure":
    """Draw a row of examples, and below it the options with their headings.

    Args:
        pictures: name -> JPEG file in base 64.
        examples: names of pictures.
        options: heading -> name of a picture.
    """
    width = max(len(examples), len(options)) * (_SIDE + _GAP) + _GAP
    height = 2 * (_HEAD + _SIDE + _GAP)
    with style():
        from matplotlib.figure import Figure
        from PIL import Image

        figure = Figure(figsize=(width / DPI, height / DPI))
        rows = (
            ("Photographs of one person", [("", name) for name in examples]),
            ("Which one looks least like this person?", list(options.items())),
        )
        for row, (heading, shown) in enumerate(rows):
            top = row * height / 2
            figure.text(
                _GAP / width, 1 - (top + 0.3 * _HEAD) / height, heading,
                ha="left", va="center", fontsize=8, weight="bold",
            )  # fmt: skip
            for place, (title, name) in enumerate(shown):
                left = _GAP + place * (_SIDE + _GAP)
                bottom = 1 - (top + _HEAD + _SIDE) / height
                axes = figure.add_axes(
                    (left / width, bottom, _SIDE / width, _SIDE / height), title=title
                )
                axes.set_axis_off()
                axes.title.set_fontsize(7)
                file = io.BytesIO(base64.b64decode(pictures[name]))
                axes.imshow(Image.open(file), interpolation="bilinear", aspect="auto")
    return figure


def reading(study: "Study", _: "Presentation") -> list[str]:
    """Where the page lies, and how it keeps its secret."""
    own = userstudies(study)
    return [
        f"The pages are {', '.join(one.page for one in own)}. Each annotator sees tasks and "
        "options in an order of its own, honeypots among them; names and sizes of the pictures "
        "tell nothing of the defenses, and which option is which stands in a key apart."
    ]


ITEM = Picture(
    name="Figure 12",
    title="A task of the user study",
    caption=(
        "What annotators see: photographs of one person, and the results of the attack on three "
        "models. Which is whose is told neither to them nor here."
    ),
    position=67,
    settings=SETTINGS,
    recipe=UserStudyRecipe,
    needs=needs,
    draw=draw,
    reading=reading,
)
