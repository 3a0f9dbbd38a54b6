"""Sample sheets: people, and what an attack on each model gives for them (Figures 3, 9 and 10)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

from mirage.errors import MirageError
from mirage.evaluation import gallery
from mirage.marks import Count, Seed, several
from mirage.paper.colours import colour
from mirage.paper.defenses import model_of, strength
from mirage.paper.item import Needs, Plot
from mirage.paper.measured import label
from mirage.paper.placed import AttackedRecipe
from mirage.study.cells import Attack
from mirage.study.settings import Scale
from mirage.study.treatment import Treatment
from mirage.visible import listed

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from matplotlib.figure import Figure

    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study

PHOTOGRAPHS = "training image"
"""The column of real images."""


@dataclass(frozen=True)
class SheetRecipe(AttackedRecipe):
    """Whose samples a sheet shows.

    Attributes:
        seed: of the targets.
        treatments: of the targets, one column each.
        classes: so many of the attacked people are shown, the first of the gallery's draw.
    """

    seed: Seed
    treatments: Annotated[tuple[str, ...], several()]
    classes: Count = 8

    def __post_init__(self) -> None:
        for treatment in self.treatments:
            Treatment.parse(treatment)

    @property
    def attacks(self) -> dict[str, Attack]:
        """One per treatment."""
        return {
            name: Attack.parse(self.target(name, self.seed), self.attack)
            for name in self.treatments
        }


def sheet(name: str, title: str, caption: str, position: int) -> Plot:
    """A sample sheet with the settings of that name.

    Args:
        name: as the paper calls it.
        title: what it shows.
        caption: what is to be said of this sheet beside what is true of all.
        position: in the report.
    """
    settings = name.lower().replace(" ", "")

    def of(study: "Study") -> SheetRecipe:
        return SheetRecipe.of(study.scale["paper"][settings])

    return Plot(
        name=name,
        title=title,
        caption=f"{_CAPTION} {caption}".strip(),
        caveat="Small images and a small image prior: do not expect the paper's likeness.",
        position=position,
        settings=settings,
        recipe=SheetRecipe,
        needs=lambda study: needs(study, of(study)),
        misfits=_misfits(settings),
        data=lambda study, shown: data(study, of(study), shown),
        draw=draw,
        reading=lambda study, shown: reading(study, of(study), shown),
    )


_CAPTION = (
    "First column: the person's first training image. Then, for each model, the result that the "
    "attack itself rates most robust. Tick: the network that measures the attacks takes it for the "
    "person; cross: for someone else. The people are the first of a draw, the same for all models; "
    "nothing is picked by eye."
)


def needs(study: "Study", recipe: SheetRecipe) -> Needs:
    """Photographs, each attack's gallery, and what the evaluation network says of it."""
    attacks = list(recipe.attacks.values())
    left = [f"{one.path}/{name}.safetensors" for one in attacks for name in ("gallery", "features")]
    return Needs(attacks, files=[_view(study, recipe), *left])


def _view(study: "Study", recipe: SheetRecipe) -> str:
    view = study.architecture(recipe.architecture)["view"]
    return f"data/{recipe.dataset}/views/{view}.safetensors"


def _misfits(settings: str) -> Callable[[Scale], Iterator[str]]:
    """More classes than a gallery keeps."""

    def misfits(scale: Scale) -> Iterator[str]:
        wanted = SheetRecipe.of(scale["paper"][settings]).classes
        kept = scale["evaluation"]["gallery_classes"]
        if wanted > kept:
            yield (
                f"paper.{settings}.classes: {wanted} classes, but evaluation.gallery_classes "
                f"keeps {kept}"
            )

    return misfits


def data(study: "Study", recipe: SheetRecipe, shown: "Presentation") -> "pd.DataFrame":
    """Every image of the sheet, column by column: the file and the row that it lies in.

    Returns:
        ``model``, ``class``, ``place`` of the person among the classes by the evaluation network's
        logits, 1 for the highest, empty for photographs; ``file`` below the results, and ``row``.
    """
    import pandas as pd

    from mirage.data.views import View

    verdicts = _verdicts(recipe, shown)
    people = list(verdicts[recipe.treatments[0]])
    photographs = _view(study, recipe)
    view = View(photographs, recipe.seed)
    owners = view.labels[view.train]
    first = [int(view.train[owners == one][0]) for one in people]
    parts = [_part(PHOTOGRAPHS, people, None, photographs, first)]
    for name, attack in recipe.attacks.items():
        path, places = f"{attack.path}/gallery.safetensors", list(verdicts[name].values())
        parts.append(_part(name, people, places, path, _rows(path, people)))
    return pd.concat(parts, ignore_index=True)


def _part(
    model: str, people: list[int], places: list[int] | None, path: str, rows: list[int]
) -> "pd.DataFrame":
    """One column of the sheet."""
    import pandas as pd

    columns = {"model": model, "class": people, "place": places, "file": path, "row": rows}
    return pd.DataFrame(columns).astype({"place": "Int64"})


def _verdicts(recipe: SheetRecipe, shown: "Presentation") -> dict[str, dict[int, int]]:
    """Treatment -> person, in the order of the draw -> its place among the best result's logits."""
    from mirage.evaluation.accuracy import position_of_class
    from mirage.evaluation.stored import best_logits

    verdicts = {}
    for name, attack in recipe.attacks.items():
        classes, logits = best_logits(f"{attack.path}/features.safetensors", "eval", shown.fidelity)
        positions = position_of_class(logits, classes)[:, 0]
        places = dict(zip(classes.tolist(), (positions + 1).tolist(), strict=True))
        verdicts[name] = {one: places[one] for one in gallery.drawn(places, recipe.classes)}
    return verdicts


def _rows(path: str, people: list[int]) -> list[int]:
    """Where people stand in a gallery.

    Raises:
        MirageError: it was made when galleries kept others.
    """
    from mirage.runtime import files

    held = files.load_tensors(path, "labels")["labels"].tolist()
    missing = [one for one in people if one not in held]
    if missing:
        raise MirageError(
            f"{path} has no images of the classes {listed(missing)}",
            "the first of the draw of the attacked people",
            "delete it; the next run makes it anew",
        )
    return [held.index(one) for one in people]


def draw(table: "pd.DataFrame", _: "Presentation") -> "Figure":
    """Draw the images that the table names; a column for each model."""
    from mirage.paper.grid import Column, grid

    columns = []
    for model, own in table.groupby("model", sort=False):
        name, images = str(model), _images(own)
        if name == PHOTOGRAPHS:
            columns.append(Column((name,), images))
        else:
            marks = [place == 1 for place in own["place"]]
            columns.append(Column(heading(name), images, marks, colour(name)))
    return grid(columns)


def _images(own: "pd.DataFrame") -> "np.ndarray":
    """The images of one column, all of one file."""
    from mirage.runtime import files

    (path,) = own["file"].unique()
    kind = "pixels" if own["model"].iloc[0] == PHOTOGRAPHS else "images"
    images: np.ndarray = files.load_tensors(path, kind)[kind][own["row"].tolist()].numpy()
    return images


def heading(treatment: str) -> tuple[str, ...]:
    """What stands over a model's column, line by line: ``α = 0.1``, or ``BiDO`` and its λ."""
    model = model_of(treatment)
    return (model, strength(treatment)) if model else (label(treatment),)


def reading(study: "Study", recipe: SheetRecipe, shown: "Presentation") -> list[str]:
    """Whose samples these are, and how many of them the evaluation network takes for the person."""
    from mirage.paper.printed import heading as named

    verdicts = _verdicts(recipe, shown)
    people = list(verdicts[recipe.treatments[0]])
    block = {**vars(recipe), "samples": str(recipe.samples)}
    network = study.network(recipe.dataset, "eval")["title"]
    counts = ", ".join(
        f"{list(places.values()).count(1)} ({' '.join(heading(name))})"
        for name, places in verdicts.items()
    )
    return [
        f"{named(block, shown)}; seed {recipe.seed}. From the top, classes {listed(people)}.",
        f"Of {len(people)} results of each model, one per person, the evaluation network "
        f"({network}) takes for the person: {counts}. So few are no measure of an attack: Acc@1 "
        "in the tables is over all results.",
    ]
