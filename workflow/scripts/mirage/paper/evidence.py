"""What claims are read off: the paper's printed rows, and ours seed by seed."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import TYPE_CHECKING

from mirage.paper.claim import Claim
from mirage.paper.contents import contents
from mirage.paper.item import Item, Table
from mirage.paper.items import ITEMS
from mirage.paper.ledger import ITEM, PLACE, SHOWN, Ledger
from mirage.paper.numbers import select
from mirage.paper.presentation import Presentation
from mirage.paper.reference import FOLDER, letters, reference_rows
from mirage.study.cells import Attack, parse
from mirage.study.settings import Scale
from mirage.study.stages import Stages
from mirage.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

_PRINTED_WITH = {"Figure 1": "figure01_toy"}
"""Figures of which the paper gives numbers."""
PEOPLE = {"FaceScrub": 530, "CelebA": 1000}
"""Whom the paper's attacks on a data set look for, where a row says nothing else."""


def named_by(claims: Iterable[Claim]) -> list[str]:
    """Names of the items that claims rest on, each once."""
    return list(dict.fromkeys(name for claim in claims for name in claim.rests_on))


def items_of(scale: Scale, names: Collection[str]) -> dict[str, Item]:
    """The items of a scale that have these names, by the names of their modules."""
    return {key: item for key, item in contents(scale).items() if item.name in names}


def printed(names: Iterable[str]) -> dict[str, Ledger]:
    """The paper's rows of some items, as if of one seed; none where it prints no numbers."""
    return {name: Ledger(_printed_rows(name).assign(**{ITEM: name})) for name in names}


def references(items: Iterable[Item]) -> dict[str, Ledger]:
    """The paper's rows that stand beside those of tables, whichever of its tables they are from."""
    return {
        item.name: Ledger(_attacking(item.printed(reference_rows(*item.reference))))
        for item in items
        if isinstance(item, Table)
    }


def _printed_rows(name: str) -> "pd.DataFrame":
    import pandas as pd

    numbered = re.fullmatch(r"Table (\d+)", name)
    file = f"table{int(numbered[1]):02d}" if numbered else _PRINTED_WITH.get(name, "")
    if not (FOLDER / f"{file}.csv").is_file():
        return pd.DataFrame(columns=[*PLACE, "seed"])
    rows = reference_rows(file)
    item = next((item for item in ITEMS.values() if item.name == name), None)
    if isinstance(item, Table):
        rows = item.printed(rows)
    return _attacking(rows).assign(seed=0)


def _attacking(rows: "pd.DataFrame") -> "pd.DataFrame":
    """Rows of the paper with the number of people whom the attack looks for."""
    if "dataset" not in rows:
        return rows
    people = rows.get("n_target_classes_inferred", rows["dataset"].map(PEOPLE))
    return rows.assign(people=[str(int(n)) if n == n else "" for n in people])


def ours(study: Study, shown: Presentation, items: Mapping[str, Item]) -> dict[str, Ledger]:
    """Our rows of some items, by the items' names; all that these need is there."""
    return {
        item.name: Ledger(
            as_papers(by_seed(item, study, shown), study, shown).assign(**{ITEM: item.name})
        )
        for item in items.values()
    }


def by_seed(item: Item, study: Study, shown: Presentation) -> "pd.DataFrame":
    """The numbers of an item before any mean: one row per setting and seed."""
    import pandas as pd

    if item.by_seed is not None:
        return item.by_seed(study, shown)
    if not isinstance(item, Table):
        return pd.DataFrame(columns=[*PLACE, "seed"])
    return select(item.collected(study), fidelity=shown.fidelity)


def as_papers(rows: "pd.DataFrame", study: Study, shown: Presentation) -> "pd.DataFrame":
    """The same rows, with the paper's names of what stands for something of the paper's."""
    named: dict[str, list[str]] = {}
    for column in (name for name in (*PLACE, "variant") if name in rows):
        known = shown.counterparts.get(column, {}).items()
        papers = {letters(name): theirs for name, theirs in known}
        named[column] = [papers.get(letters(value), value) for value in rows[column]]
        named[f"{column}{SHOWN}"] = [shown.label(value) for value in rows[column]]
    if "cell" in rows:
        named["people"] = [_people(study, path) for path in rows["cell"]]
    return rows.assign(**named)


def _people(study: Study, path: str) -> str:
    cell = parse(path)
    return str(len(Stages(study, cell).classes)) if isinstance(cell, Attack) else ""
