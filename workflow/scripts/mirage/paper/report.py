"""The report: one HTML file that opens from the disk, pictures inside, nothing fetched."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirage.paper import effects, expenses, render
from mirage.paper.cell_rows import CELL_METRICS, cell_rows, summary
from mirage.paper.chapters import chapter_of, held
from mirage.paper.judging import Judged
from mirage.paper.metrics import METRICS
from mirage.paper.numbers import select
from mirage.paper.presentation import Presentation
from mirage.paper.printed import number
from mirage.paper.shown import Exhibit
from mirage.paper.strips import legend, strips
from mirage.runtime import files
from mirage.runtime.digest import Digests
from mirage.study.cells import Target

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Material:
    """All that the report is made of.

    Attributes:
        presentation: what the numbers were made with.
        numbers: of all cells.
        exhibits: the items, in their order.
        judged: the claims with their verdicts, from ``judging.judge``.
        toy: from ``toy_result.toy_table``; None where it was not run.
        jobs: records that the jobs left (``mirage.runtime.job``).
        digests: of the code now; results made by other code are named.
        released: targets that were imported, not trained.
        extra: cells that no item shows, in words.
        forecast: rule -> forecast of these jobs beside their records, from
            ``mirage.forecast.summary.compare``.
        speeds: where the forecast's speeds come from, in words.
        missing: what is not there yet: its name -> how much of it, in words.
        unfinished: a sentence on how much of the study is there; empty where all is.
    """

    presentation: Presentation
    numbers: "pd.DataFrame"
    exhibits: Sequence[Exhibit]
    judged: Judged
    toy: "pd.DataFrame | None"
    jobs: Sequence[Mapping[str, Any]]
    digests: Digests
    released: Collection[Target] = ()
    extra: str = ""
    forecast: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    speeds: str = ""
    missing: Mapping[str, str] = field(default_factory=dict)
    unfinished: str = ""


def write_report(path: str | Path, material: Material) -> None:
    """Write the report, an HTML file; links to logs and settings are relative to its folder."""
    presentation = material.presentation
    numbers = material.numbers
    if not numbers.empty:
        numbers = select(numbers, fidelity=presentation.fidelity)
    table = effects.effects(numbers[numbers["attack"] != ""])
    template = render.environment().get_template("report.html")
    page = template.render(
        name=presentation.name,
        banner=render.banner(presentation),
        unfinished=material.unfinished,
        missing=material.missing,
        groups=strips(material.judged, set(numbers["cell"])),
        legend=legend(material.judged),
        headline=[one for one in material.exhibits if one.item.headline],
        chapters=[
            (chapter, [one for one in material.exhibits if chapter_of(one.item) == chapter])
            for chapter in held(one.item for one in material.exhibits)
        ],
        run=summary(numbers, presentation),
        glance=[METRICS[name] for name in effects.GLANCE],
        findings=effects.findings(table, presentation),
        level=round(100 * effects.LEVEL),
        certainty=[*render.uncounted(presentation), *effects.certainty(table, presentation)],
        toy=None if material.toy is None else toy_rows(material.toy),
        columns=[METRICS[name] for name in CELL_METRICS],
        cells=cell_rows(numbers, presentation, material.released),
        extra=material.extra,
        stages=expenses.stages(material.jobs, material.digests, material.forecast),
        speeds=material.speeds,
        machines=expenses.machines(material.jobs),
    )
    title = f"Label smoothing and model inversion, {presentation.name} scale"
    files.write_text(path, render.html_page(page, title))


def toy_rows(table: "pd.DataFrame") -> dict[str, Any]:
    """The toy example as text: rows, and failures per factor."""
    import pandas as pd

    rows = [
        {
            "seed": int(row["seed"]),
            "alpha": number(row["alpha"], 3, trim=True),
            "steps": "not reached" if pd.isna(row["steps"]) else f"{int(row['steps']):,}",
            "steps_paper": "" if pd.isna(row["steps_paper"]) else f"{int(row['steps_paper']):,}",
            "distance": number(row["distance"], 2),
            "distance_paper": number(row["distance_paper"], 2),
            "unstopped": number(row["unstopped_distance"], 2),
            "confidence": number(row["unstopped_confidence"], 4),
        }
        for _, row in table.iterrows()
    ]
    failed = [
        f"α = {number(alpha, 3, trim=True)}: {int(group['steps'].isna().sum())} of {len(group)}"
        for alpha, group in table.groupby("alpha", sort=False)
    ]
    return {"rows": rows, "failed": "; ".join(failed)}
