"""The report: one HTML file that opens from the disk, pictures inside, nothing fetched."""

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirage.errors import MirageError
from mirage.paper import costs, printed, render
from mirage.paper import effects as effect
from mirage.paper.cells import BLOCK, select
from mirage.paper.metrics import METRICS, paper_sign
from mirage.paper.printed import Scale, number
from mirage.runtime import files
from mirage.runtime.digest import Digests

if TYPE_CHECKING:
    import pandas as pd

_MEDIA = {".png": "image/png", ".svg": "image/svg+xml"}
_TAGS = {
    effect.SHOWS: "shows",
    effect.OPPOSITE: "opposite",
    effect.OPEN: "open",
    effect.TOO_FEW: "few",
    effect.ALL_EQUAL: "few",
}
_COUNTED = {
    effect.SHOWS: "show what the paper claims",
    effect.OPPOSITE: "show the opposite",
    effect.OPEN: "cannot be told from 0",
    effect.TOO_FEW: "have too few seeds",
    effect.ALL_EQUAL: "have no spread to judge by",
}
GLANCE = ("acc1", "delta_face")
CELL_METRICS = ("test_acc", "acc1", "acc5", "delta_face", "delta_eval", "fid", "xi_train")


@dataclass(frozen=True)
class Picture:
    """One figure of the report.

    Attributes:
        path: a PNG or SVG file.
        name: e.g. ``Figure 1``.
        caption: plain text.
    """

    path: str | Path
    name: str
    caption: str


@dataclass(frozen=True)
class Material:
    """All that the report is made of.

    Attributes:
        scale: what the numbers were made with.
        cells: table of cells; columns ``link_<name>`` become links, relative to the report.
        table1: from ``tables.table1``.
        table2: from ``tables.table2``.
        toy: from ``tables.toy_table``.
        pictures: the figures, in order.
        jobs: records that the jobs left (``mirage.runtime.job``).
        digests: of the code now; results made by other code are named.
        fidelity: whose arithmetic the tables print.
        forecast: rule -> forecast of these jobs beside their records, from
            ``mirage.forecast.summary.compare``.
        speeds: where the forecast's speeds come from, in words.
    """

    scale: Scale
    cells: "pd.DataFrame"
    table1: "pd.DataFrame"
    table2: "pd.DataFrame"
    toy: "pd.DataFrame"
    pictures: Sequence[Picture]
    jobs: Sequence[Mapping[str, Any]]
    digests: Digests
    fidelity: str = "paper"
    forecast: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    speeds: str = ""


def write_report(path: str | Path, material: Material) -> None:
    """Write the report.

    Args:
        path: an HTML file; links to logs and settings are relative to its folder.
        material: what to tell.

    Raises:
        MirageError: a picture is missing or neither PNG nor SVG.
    """
    scale, cells = material.scale, select(material.cells, fidelity=material.fidelity)
    table = effect.effects(cells)
    template = render.environment().get_template("report.html")
    body = template.render(
        scale=scale,
        banner=render.banner(scale),
        run=summary(cells, material),
        table1=render.html_fragment(printed.print_table1(material.table1, scale), scale),
        table2=render.html_fragment(printed.print_table2(material.table2, scale), scale),
        overview=overview(table, scale),
        glance=[METRICS[name] for name in GLANCE],
        findings=findings(table, scale),
        level=round(100 * effect.LEVEL),
        certainty=[*render.uncounted(scale), *certainty(table, scale)],
        toy=toy_rows(material.toy),
        pictures=[(picture, data_uri(picture.path)) for picture in material.pictures],
        columns=[METRICS[name] for name in CELL_METRICS],
        cells=cell_rows(cells, scale),
        stages=costs.stages(material.jobs, material.digests, material.forecast),
        speeds=material.speeds,
        machines=costs.machines(material.jobs),
    )
    title = f"Label smoothing and model inversion, {scale.name} scale"
    files.write_text(path, render.html_page(body, title))


def data_uri(path: str | Path) -> str:
    """A picture's bytes as a URI.

    Raises:
        MirageError: the file is missing or neither PNG nor SVG.
    """
    path = Path(path)
    if path.suffix not in _MEDIA or not path.is_file():
        raise MirageError(f"{path} cannot be shown in the report", "an existing PNG or SVG file")
    content = base64.b64encode(files.sound(path).read_bytes()).decode()
    return f"data:{_MEDIA[path.suffix]};base64,{content}"


def summary(cells: "pd.DataFrame", material: Material) -> dict[str, str]:
    """What was run: name -> value, as text."""
    scale = material.scale

    def listed(column: str) -> str:
        return ", ".join(dict.fromkeys(scale.label(value) for value in cells[column]))

    factors = sorted(cells["alpha"].dropna().unique(), reverse=True)
    seeds = sorted(int(seed) for seed in cells["seed"].unique())
    targets = cells.drop_duplicates(["dataset", "architecture", "samples", "treatment", "seed"])
    return {
        "scale": " – ".join(filter(None, [scale.name, scale.description])),
        "data": listed("dataset"),
        "architectures": listed("architecture"),
        "training images per class": listed("samples"),
        "attacks": listed("attack"),
        "smoothing factors": ", ".join(number(alpha, 3, trim=True) for alpha in factors),
        "seeds": ", ".join(map(str, seeds)),
        "trained targets": str(len(targets)),
        "attack cells": str(len(cells)),
        "arithmetic": material.fidelity,
    }


def overview(table: "pd.DataFrame", scale: Scale) -> list[dict[str, Any]]:
    """The findings for attack accuracy and face distance at a glance.

    Args:
        table: from ``effects.effects``.
        scale: gives the names to print.

    Returns:
        Per block its heading and one row per factor, with one finding per metric of ``GLANCE``.
    """
    groups = []
    for _, block in table.groupby(list(BLOCK), sort=False):
        rows: dict[str, dict[str, Any]] = {}
        for _, row in block.sort_values("alpha", ascending=False, kind="stable").iterrows():
            finding = _finding(row)
            rows.setdefault(finding["alpha"], {})[row["metric"]] = finding
        groups.append(
            {
                "heading": printed.heading(block.iloc[0], scale),
                "rows": [
                    {"alpha": alpha, "findings": [found.get(name) for name in GLANCE]}
                    for alpha, found in rows.items()
                ],
            }
        )
    return groups


def findings(table: "pd.DataFrame", scale: Scale) -> list[dict[str, Any]]:
    """What shows and what does not: one group per block of settings.

    Args:
        table: from ``effects.effects``.
        scale: gives the names to print.

    Returns:
        Per block its heading, a sentence that counts the outcomes, and its rows as text.
    """
    groups = []
    for _, block in table.groupby(list(BLOCK), sort=False):
        ordered = block.sort_values("alpha", ascending=False, kind="stable")
        counts = block["finding"].value_counts()
        told = [f"{counts[name]} {verb}" for name, verb in _COUNTED.items() if name in counts]
        groups.append(
            {
                "heading": printed.heading(block.iloc[0], scale),
                "counts": f"{len(block)} comparisons: {', '.join(told)}.",
                "rows": [_finding(row) for _, row in ordered.iterrows()],
            }
        )
    return groups


def certainty(table: "pd.DataFrame", scale: Scale) -> list[str]:
    """Say how wide the intervals of the attack accuracy are, against what was wanted.

    Args:
        table: from ``effects.effects``.
        scale: says which half-width the number of seeds was chosen for.
    """
    known = table[(table["metric"] == "acc1") & table["margin"].notna()].to_dict("records")
    if scale.interval is None or not known:
        return []
    narrow = sum(row["margin"] <= scale.interval for row in known)
    widest = max(known, key=lambda row: row["margin"])
    spread = widest["se"] * math.sqrt(widest["n_seeds"])
    needed = effect.seeds_needed(spread, scale.interval)
    return [
        f"The number of seeds was chosen for intervals of ± {number(scale.interval, 1)} pp of "
        f"Acc@1. {narrow} of {len(known)} are that narrow; the "
        f"widest is ± {number(widest['margin'], 1)} pp with {widest['n_seeds']} seeds and would "
        f"take {needed}."
    ]


def _finding(row: "pd.Series[Any]") -> dict[str, str]:
    metric = METRICS[row["metric"]]
    unit = " pp" if metric.percent else ""
    error = number(row["margin"], _digits(metric.key))
    ties = f", {row['n_ties']} tied" if row["n_ties"] else ""
    return {
        "alpha": number(row["alpha"], 3, trim=True),
        "metric": metric.title,
        "mean": number(row["mean"], _digits(metric.key), sign=True)
        + (f" ± {error}" if error else "")
        + unit,
        "expected": {1: "+", -1: "−"}[paper_sign(metric.key, row["alpha"])],
        "seeds": f"{row['n_paper_sign']} of {row['n_seeds']}{ties}",
        "finding": row["finding"],
        "tag": _TAGS[row["finding"]],
    }


def _digits(metric: str) -> int:
    return 1 if METRICS[metric].percent else max(METRICS[metric].digits - 1, 1)


def toy_rows(table: "pd.DataFrame") -> dict[str, Any]:
    """The toy example as text: rows, and failures per factor."""
    import pandas as pd

    rows = [
        {
            "seed": row["seed"],
            "alpha": number(row["alpha"], 3, trim=True),
            "steps": "not reached" if pd.isna(row["steps"]) else f"{row['steps']:,}",
            "steps_paper": "" if pd.isna(row["steps_paper"]) else f"{row['steps_paper']:,}",
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


def cell_rows(cells: "pd.DataFrame", scale: Scale) -> list[dict[str, Any]]:
    """Every attack cell with its numbers and links."""
    kinds = [name for name in map(str, cells.columns) if name.startswith("link_")]
    return [
        {
            "setting": [scale.label(row[name]) for name in (*BLOCK, "treatment")],
            "seed": row["seed"],
            "values": [number(row[name], METRICS[name].digits) for name in CELL_METRICS],
            "links": {
                kind.removeprefix("link_"): row[kind]
                for kind in kinds
                if isinstance(row[kind], str) and row[kind]
            },
        }
        for _, row in cells.iterrows()
    ]
