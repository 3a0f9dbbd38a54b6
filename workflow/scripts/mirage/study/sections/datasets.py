"""The section ``datasets``: whose photographs, how they are divided, how they are shown."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Literal, TypeAlias

from mirage.data.dataset import DatasetRecipe, IdentityRecipe
from mirage.data.face_crop import FaceCropRecipe
from mirage.data.published import Published
from mirage.data.splits import SplitRecipe
from mirage.data.views import ViewRecipe
from mirage.marks import FILLED, Label, Natural, Omissible, bounded, several, spelled
from mirage.recipes import Recipe, require
from mirage.study.chunks import members
from mirage.study.grammar import CHUNK
from mirage.study.sections.names import AssetName, DatasetName, Word


@dataclass(frozen=True)
class PhotographsSection(DatasetRecipe):
    """What is read; where from and how many people is the data set's."""

    source: None = field(default=None, init=False)
    classes: None = field(default=None, init=False)
    channels: Literal[1, 3] = field(kw_only=True)
    identities: Omissible[IdentityRecipe] = None
    face_crop: Omissible[FaceCropRecipe] = None
    split: Omissible[SplitRecipe] = None


@dataclass(frozen=True)
class PublishedSection(Published):
    """Counts of the paper's authors, where something is known."""

    images: Omissible[tuple[Natural, Natural]] = None
    train: Omissible[tuple[Natural, Natural]] = None
    test: Omissible[tuple[Natural, Natural]] = None


ClassGroup: TypeAlias = (
    Annotated[tuple[Natural, ...], several()]
    | Annotated[str, spelled(CHUNK, "such as 0-264, the first and the last class")]
)


@dataclass(frozen=True)
class DatasetSection(Recipe):
    """One data set.

    Attributes:
        title: its name in print.
        paper: the paper's data set whose numbers stand beside ours; null for none.
        classes: number of identities.
        recipe: what is read, by which reader.
        views: the sizes in which networks see it.
        asset: what it is read from; one asset, or several by role.
        disjoint_from: data sets it must share nobody with.
        published: counts of the paper's authors, as least and most.
        allow_short: take what there is of a class with fewer than n images.
        groups: classes by a trait of theirs, for balanced draws.
    """

    title: Label
    paper: str | None
    classes: Annotated[int, bounded(least=2)]
    recipe: PhotographsSection
    views: Mapping[Word, ViewRecipe]
    asset: Omissible[AssetName | Annotated[Mapping[Word, AssetName], FILLED]] = None
    disjoint_from: tuple[DatasetName, ...] = ()
    published: PublishedSection = field(default_factory=PublishedSection)
    allow_short: bool = False
    groups: Mapping[Word, ClassGroup] = field(default_factory=dict)

    def __post_init__(self) -> None:
        grouped = [label for group in self.groups.values() for label in members(group)]
        inside = len(set(grouped)) == len(grouped) and max(grouped, default=0) < self.classes
        require(inside, "groups", dict(self.groups), f"each class once, of 0 to {self.classes - 1}")
        chosen = self.recipe.identities
        count = self.classes if chosen is None or chosen.count is None else chosen.count
        require(
            count == self.classes, "classes", self.classes, f"{count}, which is identities.count"
        )
