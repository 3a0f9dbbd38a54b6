"""The report: one HTML file that opens from the disk, pictures inside, nothing fetched."""

import base64
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirage.paper import effects, expenses, render
from mirage.paper.contents import contents, extra, files_of, told_extra, unattacked
from mirage.paper.item import Item, Table
from mirage.paper.metrics import METRICS
from mirage.paper.numbers import BLOCK, collect, select
from mirage.paper.presentation import Presentation
from mirage.paper.printed import number, print_table, treatment_label
from mirage.paper.seen import seen_part
from mirage.paper.tables import gather, make
from mirage.paper.verified import verified_part
from mirage.runtime import files
from mirage.runtime.digest import Digests
from mirage.study.cells import Attack, Target, parse
from mirage.study.study import Study

if TYPE_CHECKING:
    import pandas as pd

CELL_METRICS = ("test_acc", "acc1", "acc5", "delta_face", "delta_eval", "fid", "xi_train")


@dataclass(frozen=True)
class Material:
    """All that the report is made of.

    Attributes:
        presentation: what the numbers were made with.
        numbers: of all cells.
        items: each with what ``as_html`` makes of it, in their order.
        toy: from ``toy_result.toy_table``.
        jobs: records that the jobs left (``mirage.runtime.job``).
        digests: of the code now; results made by other code are named.
        released: targets that were imported, not trained.
        extra: cells that no item shows, in words.
        forecast: rule -> forecast of these jobs beside their records, from
            ``mirage.forecast.summary.compare``.
        speeds: where the forecast's speeds come from, in words.
    """

    presentation: Presentation
    numbers: "pd.DataFrame"
    items: Sequence[tuple[Item, str]]
    toy: "pd.DataFrame"
    jobs: Sequence[Mapping[str, Any]]
    digests: Digests
    released: Collection[Target] = ()
    extra: str = ""
    forecast: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    speeds: str = ""


def of_study(study: Study, presentation: Presentation, **others: Any) -> Material:
    """Gather what a finished study left in the current folder; ``others`` is the rest."""
    return Material(
        presentation,
        collect([*study.attacks, *unattacked(study)]),
        [
            (item, as_html(name, item, study, presentation))
            for name, item in contents(study.scale).items()
        ],
        released=study.released_targets,
        extra=told_extra(extra(study)),
        **others,
    )


def as_html(name: str, item: Item, study: Study, presentation: Presentation) -> str:
    """An item as HTML, from files in the current folder."""
    reading = item.reading(study, presentation)
    if isinstance(item, Table):
        numbers = gather(item, study)
        rows = make(item, numbers, presentation)
        parts = print_table(item, numbers, rows, presentation, reading)
        parts += verified_part(item, numbers, presentation)
        parts += seen_part(item, numbers, presentation)
        return render.html_fragment(parts, presentation)
    template = render.environment().get_template("picture.html")
    uri = data_uri(files_of(name, item)[0])
    told = item.told(presentation.comparable)
    return template.render(item=item, uri=uri, told=told, reading=reading)


def write_report(path: str | Path, material: Material) -> None:
    """Write the report, an HTML file; links to logs and settings are relative to its folder."""
    presentation = material.presentation
    numbers = select(material.numbers, fidelity=presentation.fidelity)
    table = effects.effects(numbers[numbers["attack"] != ""])
    categories: dict[str, list[str]] = {}
    for item, body in material.items:
        categories.setdefault(item.category, []).append(body)
    template = render.environment().get_template("report.html")
    page = template.render(
        name=presentation.name,
        banner=render.banner(presentation),
        run=summary(numbers, presentation),
        categories=categories,
        glance=[METRICS[name] for name in effects.GLANCE],
        findings=effects.findings(table, presentation),
        level=round(100 * effects.LEVEL),
        certainty=[*render.uncounted(presentation), *effects.certainty(table, presentation)],
        toy=toy_rows(material.toy),
        columns=[METRICS[name] for name in CELL_METRICS],
        cells=cell_rows(numbers, presentation, material.released),
        extra=material.extra,
        stages=expenses.stages(material.jobs, material.digests, material.forecast),
        speeds=material.speeds,
        machines=expenses.machines(material.jobs),
    )
    title = f"Label smoothing and model inversion, {presentation.name} scale"
    files.write_text(path, render.html_page(page, title))


def data_uri(path: str | Path) -> str:
    """The bytes of a PNG file as a URI.

    Raises:
        MirageError: the file is missing or damaged.
    """
    content = base64.b64encode(files.sound(path).read_bytes()).decode()
    return f"data:image/png;base64,{content}"


def summary(numbers: "pd.DataFrame", shown: Presentation) -> dict[str, str]:
    """What was run: name -> value, as text."""
    attacked = numbers[numbers["attack"] != ""]
    targets = numbers.drop_duplicates(["dataset", "architecture", "samples", "treatment", "seed"])
    treatments = targets.drop_duplicates("treatment").sort_values("alpha", ascending=False)

    def listed(rows: "pd.DataFrame", column: str) -> str:
        return "; ".join(dict.fromkeys(shown.label(value) for value in rows[column]))

    return {
        "scale": " – ".join(filter(None, [shown.name, shown.description])),
        "data": listed(numbers, "dataset"),
        "architectures": listed(numbers, "architecture"),
        "training images per class": listed(numbers, "samples"),
        "attacks": listed(attacked, "attack"),
        "smoothing factors and other treatments": ", ".join(
            treatment_label(row) for _, row in treatments.iterrows()
        ),
        "seeds": ", ".join(str(seed) for seed in sorted(numbers["seed"].unique())),
        "trained targets": str(len(targets)),
        "attack cells": str(len(attacked)),
        "arithmetic": shown.fidelity,
    }


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


def cell_rows(
    numbers: "pd.DataFrame", shown: Presentation, released: Collection[Target]
) -> list[dict[str, Any]]:
    """Every cell with its numbers and links."""
    return [
        {
            "setting": [shown.label(row[name]) for name in (*BLOCK, "treatment")],
            "seed": row["seed"],
            "values": [number(row[name], METRICS[name].digits) for name in CELL_METRICS],
            "links": links(parse(row["cell"]), released),
            "note": row["note"],
        }
        for _, row in numbers.iterrows()
    ]


def links(cell: Attack | Target, released: Collection[Target]) -> dict[str, str]:
    """What the report links to, relative to it: what a cell's jobs left."""
    target = cell.target if isinstance(cell, Attack) else cell
    made_by = "import_target" if target in released else "train_target"
    found = {
        "metrics": f"{cell.path}/metrics.json",
        "training log": f"logs/{made_by}/{target.cell}.log",
        "training settings": f"jobs/{made_by}/{target.cell}.json",
    }
    if isinstance(cell, Attack):
        sampled = Attack(cell.runner("sample"), cell.name)  # its candidates are the attack's
        found |= {
            "classes": f"{cell.path}/per_class.csv",
            "attack settings": f"jobs/run_stage/{sampled.target.cell}/{sampled}/candidates.json",
            "score log": f"logs/score_attack/{target.cell}/{cell}.log",
        }
    return found
