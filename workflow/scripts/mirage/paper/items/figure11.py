"""Figure 11: all that a low-resolution attack recovers of some people, defense by defense."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from mirage.marks import Count, In, Samples, Seed, several
from mirage.paper.defenses import label_of
from mirage.paper.drawing import DPI, style
from mirage.paper.grid import pixels
from mirage.paper.item import Needs, Picture, budget
from mirage.recipes import Recipe
from mirage.study.cells import Attack, Target
from mirage.study.settings import Scale
from mirage.study.treatment import Treatment
from mirage.visible import one_line

if TYPE_CHECKING:
    import numpy as np
    from matplotlib.figure import Figure

    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study


@dataclass(frozen=True)
class Figure11Recipe(Recipe):
    """Whose samples Figure 11 shows.

    Attributes:
        dataset: of the targets.
        architecture: of the targets.
        samples: training images per class, or ``all``.
        attack: on them; it has the measure ``recovery``.
        seed: of the targets.
        treatments: of the targets, a group of columns each.
        classes: the first so many are shown, a row each: nothing is picked by eye.
        images: the first so many of a class.
    """

    dataset: Annotated[str, In("datasets")]
    architecture: Annotated[str, In("architectures")]
    samples: Samples
    attack: Annotated[str, In("attacks")]
    seed: Seed
    treatments: Annotated[tuple[str, ...], several()]
    classes: Count
    images: Count

    def __post_init__(self) -> None:
        _ = self.attacks

    @property
    def attacks(self) -> list[Attack]:
        """One attack per treatment."""
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


def _recipe(scale: Scale) -> Figure11Recipe:
    return Figure11Recipe.of(scale["paper"]["figure11"])


def needs(study: "Study") -> Needs:
    """What the attacks have left of each class, their metrics, and the targets' photographs."""
    recipe = _recipe(study.scale)
    view = study.architecture(recipe.architecture)["view"]
    files = [f"data/{recipe.dataset}/views/{view}.safetensors"]
    for attack in recipe.attacks:
        files += [f"{attack.path}/gallery.safetensors", f"{attack.path}/metrics.json"]
    return Needs(recipe.attacks, files=files)


def misfits(scale: Scale) -> Iterator[str]:
    """More classes than a gallery keeps."""
    shown, kept = _recipe(scale).classes, scale["evaluation"]["gallery_classes"]
    if shown > kept:
        told = f"{shown} classes, but evaluation.gallery_classes keeps {kept}"
        yield f"paper.figure11.classes: {told}"


def draw(study: "Study", shown: "Presentation") -> "Figure":
    """Draw the first images of the first classes, as the attack made them."""
    from mirage.data.views import View
    from mirage.runtime import files

    recipe = _recipe(study.scale)
    photographs, *_ = needs(study).inputs
    view = View(photographs, recipe.seed)
    groups: dict[str, np.ndarray] = {}
    for attack in recipe.attacks:
        gallery = files.load_tensors(f"{attack.path}/gallery.safetensors", "samples", "labels")
        labels = gallery["labels"][: recipe.classes].tolist()
        if not groups:
            first = [int(view.train[view.labels[view.train] == label][0]) for label in labels]
            groups["photograph"] = view.pixels[first].numpy()[:, None]
        metrics = files.read_json(f"{attack.path}/metrics.json")[shown.fidelity]
        samples = gallery["samples"][: recipe.classes, : recipe.images].numpy()
        groups[f"{label_of(attack.target.treatment)}\n{_variety(metrics)}"] = samples
    return grid(groups)


def reading(study: "Study", shown: "Presentation") -> list[str]:
    """How much the samples of a class differ, which the paper judges by eye."""
    from mirage.runtime import files

    told = []
    for attack in _recipe(study.scale).attacks:
        metrics = files.read_json(f"{attack.path}/metrics.json")[shown.fidelity]
        told.append(f"{label_of(attack.target.treatment)} {_number(metrics['variety'])}")
        own = _number(metrics["real_variety"])
    return [
        "The paper: against negative label smoothing the attack makes samples of low quality with "
        "little variance between them.",
        "Variety, the mean feature distance of two samples of a class in the evaluation network: "
        f"{'; '.join(told)}; photographs {own}.",
    ]


def _variety(metrics: Mapping[str, float | None]) -> str:
    return f"variety {_number(metrics['variety'])}"


def _number(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"


def grid(groups: "Mapping[str, np.ndarray]") -> "Figure":
    """Draw images class by class, groups side by side.

    Args:
        groups: heading -> images [G, n, C, H, W] of the classes, uint8 or float in [-1, 1], C of 1
            or 3; a line break in a heading stays one.
    """
    count, _, _, height, width = next(iter(groups.values())).shape
    zoom = max(1, round(96 / height))  # whole numbers keep the pixels square
    gap, head = max(2, zoom), 96  # pixels
    cell_w, cell_h = width * zoom, height * zoom
    columns = sum(images.shape[1] for images in groups.values())
    margin = 4 * gap  # the first heading is wider than its one column
    total_w = columns * (cell_w + gap) + 4 * gap * len(groups) + margin
    total_h = head + count * (cell_h + gap)
    with style():
        from matplotlib.figure import Figure

        figure = Figure(figsize=(total_w / DPI, total_h / DPI))
        left = margin
        for title, images in groups.items():
            span = images.shape[1] * (cell_w + gap) - gap
            figure.text(
                (left + span / 2) / total_w, 1 - 0.5 * head / total_h,
                "\n".join(map(one_line, title.splitlines())),
                ha="center", va="center", fontsize=7,
            )  # fmt: skip
            for row in range(count):
                bottom = total_h - head - (row + 1) * cell_h - row * gap
                for place, image in enumerate(images[row]):
                    x = left + place * (cell_w + gap)
                    box = (x / total_w, bottom / total_h, cell_w / total_w, cell_h / total_h)
                    axes = figure.add_axes(box)
                    axes.set_axis_off()
                    axes.imshow(pixels(image), interpolation="nearest", aspect="auto")
            left += span + 5 * gap  # groups stand apart
    return figure


ITEM = Picture(
    name="Figure 11",
    title="Samples of a low-resolution attack",
    caption=(
        "First column: a real image of the class. Then, for each model, the first images that the "
        "attack made of that class, as they are and in their order. The rows are the first classes "
        "in order; nothing is picked by eye. Variety is the mean feature distance of two images of "
        "a class in the evaluation network."
    ),
    caveat="Small images and small image priors: do not expect the paper's likeness.",
    position=65,
    settings="figure11",
    recipe=Figure11Recipe,
    needs=needs,
    misfits=misfits,
    draw=draw,
    reading=reading,
)
