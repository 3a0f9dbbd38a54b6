"""Figure 3: real people beside the attacks' most robust results."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from mirage.marks import Count, In, Samples, Seed, several
from mirage.paper.drawing import DPI, style
from mirage.paper.item import Needs, Picture, budget
from mirage.recipes import Recipe
from mirage.study.cells import Attack, Target
from mirage.study.grammar import number
from mirage.study.settings import Scale
from mirage.study.treatment import Treatment
from mirage.visible import one_line

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study


@dataclass(frozen=True)
class Figure3Recipe(Recipe):
    """Whose samples Figure 3 shows.

    Attributes:
        dataset: of the targets.
        architecture: of the targets.
        samples: training images per class, or ``all``.
        attack: on them.
        seed: of the targets.
        treatments: of the targets, one column each.
        classes: the first so many are shown: nothing is picked by eye.
    """

    dataset: Annotated[str, In("datasets")]
    architecture: Annotated[str, In("architectures")]
    samples: Samples
    attack: Annotated[str, In("attacks")]
    seed: Seed
    treatments: Annotated[tuple[str, ...], several()]
    classes: Count

    def __post_init__(self) -> None:
        for treatment in self.treatments:
            Treatment.parse(treatment)

    @property
    def attacks(self) -> list[Attack]:
        """One per treatment."""
        return [
            Attack.parse(
                Target(
                    self.dataset,
                    self.architecture,
                    Treatment.parse(treatment),
                    budget(self.samples),
                    self.seed,
                ),
                self.attack,
            )
            for treatment in self.treatments
        ]


def _recipe(scale: Scale) -> Figure3Recipe:
    return Figure3Recipe.of(scale["paper"]["figure3"])


def needs(study: "Study") -> Needs:
    """The attacks' galleries, and the images that their targets have seen."""
    recipe = _recipe(study.scale)
    view = study.architecture(recipe.architecture)["view"]
    galleries = [f"{attack.path}/gallery.safetensors" for attack in recipe.attacks]
    images = f"data/{recipe.dataset}/views/{view}.safetensors"
    return Needs(recipe.attacks, files=[images, *galleries])


def misfits(scale: Scale) -> Iterator[str]:
    """More classes than a gallery keeps."""
    shown, kept = _recipe(scale).classes, scale["evaluation"]["gallery_classes"]
    if shown > kept:
        yield f"paper.figure3.classes: {shown} classes, but evaluation.gallery_classes keeps {kept}"


def draw(study: "Study", _: "Presentation") -> "Figure":
    """Draw the first classes, not cherry-picked."""
    from mirage.data.views import View
    from mirage.runtime import files

    recipe = _recipe(study.scale)
    images, *galleries = needs(study).inputs
    view = View(images, recipe.seed)
    kept = [files.load_tensors(path, "images", "labels") for path in galleries]
    shown = kept[0]["labels"][: recipe.classes].tolist()  # the first that were attacked
    first = [int(view.train[view.labels[view.train] == label][0]) for label in shown]
    columns = {"training image": view.pixels[first].numpy()}
    for attack, gallery in zip(recipe.attacks, kept, strict=True):
        treatment = attack.target.treatment
        heading = str(treatment) if treatment.alpha is None else f"α = {number(treatment.alpha)}"
        columns[heading] = gallery["images"][: recipe.classes].numpy()
    return grid(columns)


def grid(columns: "Mapping[str, np.ndarray]") -> "Figure":
    """Draw images class by class, model by model.

    Args:
        columns: heading -> images of the classes, first column the real ones; uint8 or float in
            [-1, 1], all of one shape [G, C, H, W] with C of 1 or 3.
    """
    count, _, height, width = next(iter(columns.values())).shape
    zoom = max(1, round(160 / height))  # whole numbers keep the pixels square
    gap, head = max(2, zoom), 64  # pixels
    cell_w, cell_h = width * zoom, height * zoom
    total_w = len(columns) * (cell_w + gap) + 4 * gap  # the real images stand apart
    total_h = head + count * (cell_h + gap)
    with style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(total_w / DPI, total_h / DPI))
        for column, (title, images) in enumerate(columns.items()):
            left = column * (cell_w + gap) + (4 * gap if column else 0)
            figure.text(
                (left + cell_w / 2) / total_w, 1 - 0.5 * head / total_h, one_line(title),
                ha="center", va="center", fontsize=7,
            )  # fmt: skip
            for row in range(count):
                bottom = total_h - head - (row + 1) * cell_h - row * gap
                box = (left / total_w, bottom / total_h, cell_w / total_w, cell_h / total_h)
                axes = figure.add_axes(box)
                axes.set_axis_off()
                axes.imshow(pixels(images[row]), interpolation="nearest", aspect="auto")
    return figure


def pixels(image: "np.ndarray") -> "np.ndarray":
    """One image [C, H, W] as uint8 RGB [H, W, 3]."""
    import numpy as np

    if image.dtype != np.uint8:
        image = np.round((np.clip(image, -1, 1) + 1) * 127.5).astype(np.uint8)
    return np.broadcast_to(image, (3, *image.shape[1:])).transpose(1, 2, 0)


ITEM = Picture(
    name="Figure 3",
    title="Attack samples",
    caption=(
        "First column: a real image of the class. Then, for each model, the result of that class "
        "that the attack itself rates most robust. The rows are the first classes in order; "
        "nothing is picked by eye."
    ),
    caveat="Small images and a small image prior: do not expect the paper's likeness.",
    position=4,
    settings="figure3",
    recipe=Figure3Recipe,
    needs=needs,
    misfits=misfits,
    draw=draw,
)
