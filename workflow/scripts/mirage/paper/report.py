"""The report: one HTML file that opens from the disk, pictures inside, nothing fetched."""

import base64
import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mirage.errors import MirageError
from mirage.paper import effects as effect
from mirage.paper import printed, render
from mirage.paper.cells import BLOCK, select
from mirage.paper.metrics import METRICS, paper_sign
from mirage.paper.printed import Scale, number
from mirage.runtime import files
from mirage.runtime.progress import clock

if TYPE_CHECKING:
    import pandas as pd

_MEDIA = {".png": "image/png", ".svg": "image/svg+xml"}
_TAGS = {
    effect.SHOWS: "shows",
    effect.OPPOSITE: "opposite",
    effect.OPEN: "open",
    effect.TOO_FEW: "few",
}
_COUNTED = {
    effect.SHOWS: "show what the paper claims",
    effect.OPPOSITE: "show the opposite",
    effect.OPEN: "cannot be told from 0",
    effect.TOO_FEW: "have too few seeds",
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
        digests: rule -> digest of its code now; results made by other code are named.
        fidelity: whose arithmetic the tables print.
    """

    scale: Scale
    cells: "pd.DataFrame"
    table1: "pd.DataFrame"
    table2: "pd.DataFrame"
    toy: "pd.DataFrame"
    pictures: Sequence[Picture]
    jobs: Sequence[Mapping[str, Any]]
    digests: Mapping[str, str] = field(default_factory=dict)
    fidelity: str = "paper"


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
        toy=toy_rows(material.toy),
        pictures=[(picture, data_uri(picture.path)) for picture in material.pictures],
        columns=[METRICS[name] for name in CELL_METRICS],
        cells=cell_rows(cells, scale),
        stages=stages(material.jobs, material.digests),
        machines=machines(material.jobs),
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
    return f"data:{_MEDIA[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"


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


def _finding(row: "pd.Series[Any]") -> dict[str, str]:
    metric = METRICS[row["metric"]]
    unit = " pp" if metric.percent else ""
    error = number(row["se"], _digits(metric.key))
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


def stages(jobs: Iterable[Mapping[str, Any]], digests: Mapping[str, str]) -> list[dict[str, str]]:
    """Time, start-up share, memory and code of each rule, and of all together.

    Args:
        jobs: job records.
        digests: rule -> digest of its code now.

    Returns:
        One row of text per rule in order of first appearance, then the total. ``startup_s`` is
        the time before a job's own work begins and is not part of ``wall_s``.
    """
    by_rule: dict[str, list[Mapping[str, Any]]] = {}
    for job in jobs:
        by_rule.setdefault(str(job["rule"]), []).append(job)
    rows = [_stage(rule, records, digests.get(rule)) for rule, records in by_rule.items()]
    everything = [job for records in by_rule.values() for job in records]
    if everything:
        rows.append({**_stage("total", everything, None), "code": ""})
    return rows


def _stage(rule: str, jobs: Sequence[Mapping[str, Any]], now: str | None) -> dict[str, str]:
    wall, startup, cpu = (
        sum(float(job[key]) for job in jobs) for key in ("wall_s", "startup_s", "cpu_s")
    )
    codes = dict.fromkeys(str(code) for job in jobs if (code := job.get("params", {}).get("code")))
    stale = sum(1 for job in jobs if now and job.get("params", {}).get("code") != now)
    told = ", ".join(codes)
    if stale:
        told += f" – {stale} of {len(jobs)} made by code that has changed since (now {now})"
    return {
        "rule": rule,
        "jobs": str(len(jobs)),
        "work": clock(wall),
        "median": f"{statistics.median(float(job['wall_s']) for job in jobs):.1f} s",
        "startup": clock(startup),
        "share": f"{100 * startup / max(wall + startup, 1e-9):.0f} %",
        "cpu": clock(cpu),
        "memory": f"{max(float(job['peak_memory_mb']) for job in jobs):.0f} MB",
        "code": told,
    }


def machines(jobs: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The kinds of machine that did the jobs, with their software."""
    found: dict[tuple[str, str, str], int] = {}
    for job in jobs:
        machine = job["machine"]
        name = f"{machine['device']}, {machine['cores']} cores, {machine['node']}"
        versions = ", ".join(f"{key} {value}" for key, value in job["versions"].items() if value)
        key = (name, f"Python {job['python']}, {versions}", str(job["threads"]))
        found[key] = found.get(key, 0) + 1
    return [
        {"machine": name, "software": software, "threads": threads, "jobs": str(count)}
        for (name, software, threads), count in found.items()
    ]
