"""The items of a study in their order, their files, and the cells that none of them shows."""

from typing import Any

from mirage.paper.item import Item
from mirage.paper.items import ITEMS
from mirage.study.cells import Attack, Target
from mirage.study.settings import Scale
from mirage.study.study import Study
from mirage.visible import listed


def contents(scale: Scale) -> dict[str, Item]:
    """The items that a scale has settings for, as they follow one another in the report."""
    items = sorted(ITEMS.items(), key=lambda entry: entry[1].position)
    held = [key for key, settings in scale["paper"].items() if settings is not None]
    return {name: item for name, item in items if item.settings in (None, *held)}


def files_of(name: str, item: Item) -> list[str]:
    """Files of an item, relative to the results."""
    return [f"{item.folder}/{name}.{kind}" for kind in item.kinds]


def caption(item: Item, comparable: bool) -> dict[str, str]:
    """What is said of an item."""
    return {"name": item.name, "text": item.told(comparable)}


def own_scale(scale: Scale, item: Item) -> dict[str, Any]:
    """A scale without the settings of other items, which shall not make this one anew."""
    own = (item.settings, "interval")
    return {**scale, "paper": {key: scale["paper"][key] for key in scale["paper"] if key in own}}


def extra(study: Study) -> list[Attack | Target]:
    """Cells of the configuration that no item shows: attacks, and targets that nothing attacks.

    They are made all the same, and the report holds them.
    """
    made = [item.needs(study) for item in contents(study.scale).values() if item.claims]
    shown = {cell for needs in made for cell in (*needs.attacks, *needs.targets)}
    cells: list[Attack | Target] = [*study.attacks, *unattacked(study)]
    return [cell for cell in cells if cell not in shown]


def unattacked(study: Study) -> list[Target]:
    """Targets of the configuration that nothing attacks."""
    attacked = {attack.target for attack in study.attacks}
    return [target for target in study.targets if target not in attacked]


def told_extra(cells: list[Attack | Target]) -> str:
    """A sentence that names such cells; nothing where there are none."""
    names = listed(cell.path for cell in cells)
    told = f"Extra, in the report but in no table or figure of the paper: {names}."
    return told if cells else ""
