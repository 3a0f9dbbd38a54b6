"""What an item of the paper is: a table or a picture, and the cells it is made of."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar

from mirage.marks import Samples
from mirage.paper.numbers import BLOCK, collect
from mirage.recipes import Recipe
from mirage.study.cells import Attack, Target
from mirage.study.settings import Scale

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from mirage.paper.presentation import Presentation
    from mirage.study.study import Study


@dataclass(frozen=True)
class Needs:
    """What an item is made of.

    Attributes:
        attacks: the attack cells that it shows.
        targets: the targets that it shows without an attack.
        files: what it reads, relative to the results; None: the metrics of all these cells.
    """

    attacks: Sequence[Attack] = ()
    targets: Sequence[Target] = ()
    files: Sequence[str] | None = None

    @property
    def inputs(self) -> list[str]:
        """Files to be there before the item is made."""
        if self.files is not None:
            return list(self.files)
        return metrics_files(self.attacks, self.targets)


def metrics_files(attacks: Iterable[Attack], targets: Iterable[Target]) -> list[str]:
    """Metrics of attacks, of the targets attacked, and of other targets."""
    attacks = list(attacks)
    cells: list[Attack | Target] = [*attacks, *(attack.target for attack in attacks), *targets]
    return [f"{cell.path}/metrics.json" for cell in dict.fromkeys(cells)]


def with_common_seeds(attacks: Iterable[Attack]) -> list[Attack]:
    """Attacks with the seeds that all rows of their data set have, so that means compare."""
    attacks = list(attacks)
    rows: dict[tuple[str, str, str], set[int]] = {}
    for attack in attacks:
        target = attack.target
        row = (target.dataset, str(target.treatment), str(attack))
        rows.setdefault(row, set()).add(target.seed)
    common: dict[str, set[int]] = {}
    for (dataset, *_), seeds in rows.items():
        common[dataset] = common.get(dataset, seeds) & seeds
    return [attack for attack in attacks if attack.target.seed in common[attack.target.dataset]]


@dataclass(frozen=True, kw_only=True)
class Item:
    """One table or figure.

    Attributes:
        name: as the paper calls it, ``Table 1``.
        title: what it shows, in a few words without a full stop.
        caption: the rest of what a reader must know, in sentences.
        caveat: a sentence more where our data are not the paper's.
        position: in the report, among all items.
        settings: its entry of the configuration's ``paper``; a scale without it has no such item.
        recipe: what that entry holds.
        needs: what it is made of.
        misfits: what in a scale does not fit it, as ``key: problem`` texts.
        reading: sentences on what the paper claims of it and what shows here, from the same files.
        by_seed: the numbers that claims read, from the same files, one row per setting and seed:
            ``dataset``, ``architecture``, ``seed``, what else names a row, ``cell``, and metrics.
            None: those of a table's cells; nothing of a figure.
        headline: whether it stands on the report's first page.
        claims: whether the cells that it shows are its own; an overview of all has none.
        category: heading under which it stands.
        folder: where its files lie.
        kinds: their suffixes, the one that the report reads first.
    """

    name: str
    title: str
    caption: str
    caveat: str = ""
    position: int
    settings: str | None = None
    recipe: type[Recipe] | None = None
    needs: "Callable[[Study], Needs]"
    misfits: Callable[[Scale], Iterator[str]] = lambda scale: iter(())
    reading: "Callable[[Study, Presentation], list[str]]" = lambda study, shown: []
    by_seed: "Callable[[Study, Presentation], pd.DataFrame] | None" = None
    headline: bool = False
    claims: bool = True
    category: ClassVar[str]
    folder: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]]

    def told(self, comparable: bool) -> str:
        """All that is said of it beside its name."""
        caveat = "" if comparable else self.caveat
        return " ".join(filter(None, [f"{self.title}.", self.caption, caveat]))


@dataclass(frozen=True, kw_only=True)
class Table(Item):
    """Rows of numbers with the paper's beside them.

    Attributes:
        joined: adds what lies elsewhere to the numbers of its cells.
        rows: the numbers of its cells, one fidelity -> its rows, unrounded; ``treatment`` and the
            block's columns name a row.
        metrics: its columns.
        reference: CSVs of the paper's printed numbers that it is held against.
        matched_by: columns in which a row of the paper is one of ours.
        printed: names the paper's rows in these columns.
        first: heading of the rows' labels.
        label: the label of a row.
        numbers: of its cells, both fidelities; None: those of its attacks.
        digits: decimals where they are not those of the paper's Table 2.
        finer: decimals where our data are not the paper's.
        ours: metrics that the paper does not print, which stand in a block of their own.
        seen: whether a block in HTML tells the distances to the images that targets have seen.
        attacked: whether its rows are attacks, so that its seeds share what all attacks share.
    """

    caveat: str = (
        "The paper's numbers stand beside ours for orientation only: other data, other scale, not "
        "comparable."
    )
    joined: "Callable[[Study, pd.DataFrame], pd.DataFrame]" = lambda study, numbers: numbers
    rows: "Callable[[pd.DataFrame], pd.DataFrame]"
    metrics: tuple[str, ...]
    reference: tuple[str, ...]
    matched_by: tuple[str, ...] = (*BLOCK, "treatment")
    printed: "Callable[[pd.DataFrame], pd.DataFrame]" = lambda rows: rows
    first: str
    label: "Callable[[pd.Series[Any], Presentation], str]"
    numbers: "Callable[[Study], pd.DataFrame] | None" = None
    digits: Mapping[str, int] = field(default_factory=dict)
    finer: Mapping[str, int] = field(default_factory=dict)
    ours: tuple[str, ...] = ()
    seen: bool = False
    attacked: bool = True
    category: ClassVar[str] = "Tables"
    folder: ClassVar[str] = "tables"
    kinds: ClassVar[tuple[str, ...]] = ("csv", "html", "tex")

    def collected(self, study: "Study") -> "pd.DataFrame":
        """Numbers of its cells, the results being the current folder."""
        found = self.numbers(study) if self.numbers else collect(self.needs(study).attacks)
        return self.joined(study, found)


@dataclass(frozen=True, kw_only=True)
class Picture(Item):
    """A drawing.

    Attributes:
        draw: draws it from the files it needs, the results being the current folder.
    """

    draw: "Callable[[Study, Presentation], Figure]"
    category: ClassVar[str] = "Figures"
    folder: ClassVar[str] = "figures"
    kinds: ClassVar[tuple[str, ...]] = ("png", "pdf")


@dataclass(frozen=True, kw_only=True)
class Plot(Item):
    """A drawing of numbers, which lie beside it as CSV, or of images, which that names.

    Attributes:
        data: the table, from the files it needs, the results being the current folder.
        draw: draws it, there as well.
    """

    data: "Callable[[Study, Presentation], pd.DataFrame]"
    draw: "Callable[[pd.DataFrame, Presentation], Figure]"
    category: ClassVar[str] = "Figures"
    folder: ClassVar[str] = "figures"
    kinds: ClassVar[tuple[str, ...]] = ("png", "pdf", "csv")


def budget(samples: Samples) -> int | None:
    """Training images per class as a cell has them."""
    return None if samples == "all" else int(samples)
