"""What of a study is there already, for a look before everything is."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from mirage.errors import MirageError
from mirage.paper.contents import contents, files_of
from mirage.paper.item import Item, Needs, Table, metrics_files
from mirage.study.cells import Attack, Target
from mirage.study.study import Study


@dataclass(frozen=True)
class FinishedPart(Study):
    """A study's cells of which the current folder has the metrics."""

    @cached_property
    def attacks(self) -> list[Attack]:
        """Attacks that are scored."""
        return [one for one in self.whole.attacks if _there(metrics_files([one], []))]

    @cached_property
    def targets(self) -> list[Target]:
        """Targets that are trained."""
        return [one for one in self.whole.targets if _there(metrics_files([], [one]))]

    @cached_property
    def whole(self) -> Study:
        """The study as it is configured."""
        return Study(self.scale, self.classes_per_chunk)

    @cached_property
    def items(self) -> dict[str, Item]:
        """Items that can be shown: tables of the cells that there are, figures that are drawn."""
        return {
            name: item for name, item in contents(self.scale).items() if self._can_show(name, item)
        }

    def _can_show(self, name: str, item: Item) -> bool:
        if not isinstance(item, Table):
            return _there(files_of(name, item)[:1]) and _there(self.needs(item).inputs)
        needs = self.needs(item)
        return bool(needs.attacks or needs.files) and _there(needs.inputs)

    def needs(self, item: Item) -> Needs:
        """What of an item's needs there is; nothing where what there is cannot make it."""
        try:
            return item.needs(self)
        except MirageError:
            return Needs()

    def missing(self) -> Mapping[str, str]:
        """Item -> what of it is not there, in words; items that are whole are left out."""
        return dict(self._missing())

    def _missing(self) -> Iterator[tuple[str, str]]:
        for name, item in contents(self.scale).items():
            wanted = item.needs(self.whole).inputs
            lacking = [path for path in wanted if not Path(path).is_file()]
            drawn = isinstance(item, Table) or _there(files_of(name, item)[:1])
            if lacking:
                shown = "" if name in self.items else ", so it is not shown"
                yield item.name, f"{len(lacking):,} of {len(wanted):,} files it needs{shown}"
            elif not drawn:
                yield item.name, "the drawing"


def _there(paths: list[str]) -> bool:
    return all(Path(path).is_file() for path in paths)
