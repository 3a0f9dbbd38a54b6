"""An item as the report shows it: its body, what it cost, and where its files lie."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from mirage.paper import render
from mirage.paper.contents import files_of
from mirage.paper.item import Item, Needs, Picture, Table
from mirage.paper.like_for_like import Gate
from mirage.paper.likeness import marked
from mirage.paper.pictures import data_uri
from mirage.paper.printed import print_table
from mirage.paper.seen import seen_part
from mirage.paper.tables import make
from mirage.paper.verified import verified_part
from mirage.runtime.progress import clock


@dataclass(frozen=True)
class Exhibit:
    """An item on the page.

    Attributes:
        name: of its module, its anchor.
        item: what it is.
        body: as HTML.
        cost: its cells and the time of their jobs, in words.
        links: what else there is of it: name -> path.
    """

    name: str
    item: Item
    body: str
    cost: str = ""
    links: Mapping[str, str] = field(default_factory=dict)


def exhibit(
    name: str, item: Item, gate: Gate, needs: Needs, jobs: Sequence[Mapping[str, Any]]
) -> Exhibit:
    """Make one, from files in the current folder.

    Args:
        name: of its module.
        item: what it is.
        gate: of the study, which it knows with its presentation.
        needs: what it is made of.
        jobs: records that the jobs left.
    """
    rule = "make_table" if isinstance(item, Table) else "plot_figure"
    rule = "draw_figure" if isinstance(item, Picture) else rule
    links = {path.rpartition(".")[2].upper(): path for path in files_of(name, item)}
    links["how it was made"] = f"jobs/{rule}/{name}.json"
    return Exhibit(name, item, as_html(name, item, gate), cost_of(needs, jobs), links)


def as_html(name: str, item: Item, gate: Gate) -> str:
    """The body: a table with the paper's numbers, or a picture; and its reading."""
    study, shown = gate.study, gate.shown
    reading = item.reading(study, shown)
    if isinstance(item, Table):
        numbers = item.collected(study)
        rows, unlike = marked(item, make(item, numbers, shown), gate)
        parts = print_table(item, numbers, rows, shown, [*unlike, *reading])
        parts += verified_part(item, numbers, shown)
        parts += seen_part(item, numbers, shown)
        return render.html_fragment(parts, shown)
    template = render.environment().get_template("picture.html")
    uri = data_uri(files_of(name, item)[0])
    return template.render(item=item, uri=uri, told=item.told(shown.comparable), reading=reading)


def cost_of(needs: Needs, jobs: Sequence[Mapping[str, Any]]) -> str:
    """How many cells an item is made of, and what the jobs of these cells took together."""
    targets = {cell.cell for cell in needs.targets} | {cell.target.cell for cell in needs.attacks}
    attacks = {(cell.target.cell, str(cell)) for cell in needs.attacks}
    if not targets:
        return ""
    spent = {"targets": 0.0, "attacks": 0.0}
    for job in jobs:
        target, attack = (job["wildcards"].get(name) for name in ("target", "attack"))
        if attack is None and target in targets:
            spent["targets"] += job["wall_s"]
        elif (target, attack) in attacks:
            spent["attacks"] += job["wall_s"]
    counts = {"targets": len(targets), "attacks": len(attacks)}
    told = [f"{n} {what} ({clock(spent[what])})" for what, n in counts.items() if n]
    return f"Made of {' and '.join(told)}; other items may share them."
