"""What the report is made of, from what a study left in the current folder."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mirage.errors import MirageError
from mirage.paper.contents import contents, extra, told_extra, unattacked
from mirage.paper.finished_part import FinishedPart
from mirage.paper.judging import Judged, claimed_items, gate_of, judge
from mirage.paper.numbers import collect, read_table
from mirage.paper.presentation import Presentation
from mirage.paper.report import Material
from mirage.paper.shown import exhibit
from mirage.study.study import Study

_TOY = "toy/toy.csv"


def of_study(
    study: Study,
    shown: Presentation,
    judged: Judged,
    jobs: Sequence[Mapping[str, Any]],
    **others: Any,
) -> Material:
    """Gather what a finished study left; ``others`` is the rest of the material."""
    gate = gate_of(study, shown)
    return Material(
        shown,
        collect([*study.attacks, *unattacked(study)]),
        [
            exhibit(name, item, gate, item.needs(study), jobs)
            for name, item in contents(study.scale).items()
        ],
        judged,
        read_table(_TOY),
        jobs,
        released=study.released_targets,
        extra=told_extra(extra(study)),
        **others,
    )


def of_part(
    part: FinishedPart, shown: Presentation, jobs: Sequence[Mapping[str, Any]], **others: Any
) -> Material:
    """Gather what there is of a study, and name what there is not."""
    gate = gate_of(part, shown)
    missing = dict(part.missing())
    exhibits = []
    for name, item in part.items.items():
        try:
            exhibits.append(exhibit(name, item, gate, part.needs(item), jobs))
        except MirageError as problem:
            missing[item.name] = f"{missing.get(item.name, 'not shown')} ({problem})"
    claimed = claimed_items(part.scale)
    there = {name: item for name, item in claimed.items() if name in part.items}
    return Material(
        shown,
        collect([*part.attacks, *unattacked(part)]),
        exhibits,
        judge(part, shown, there, gate),
        read_table(_TOY) if Path(_TOY).is_file() else None,
        jobs,
        released=part.released_targets,
        missing=missing,
        unfinished=_unfinished(part),
        **others,
    )


def _unfinished(part: FinishedPart) -> str:
    """How much there is."""
    counts = (
        (len(part.targets), len(part.whole.targets), "targets"),
        (len(part.attacks), len(part.whole.attacks), "attacks"),
    )
    told = ", ".join(f"{there} of {of} {what}" for there, of, what in counts)
    return f"A preview of what is finished: {told}."
