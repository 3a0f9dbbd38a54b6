"""The forecast in words: text for the terminal, one HTML page."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from mirage import escape
from mirage.forecast.summary import CHUNK_HOURS
from mirage.visible import visible


class PageTable(NamedTuple):
    """A titled table of text; the first column is a name, the others are figures."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


def tables(told: Mapping[str, Any]) -> list[PageTable]:
    """All tables of a forecast.

    Args:
        told: from ``summary.forecast``.
    """
    device = "GPUs" if told["kind"] == "cuda" else "cores"
    return [
        _targets(told, device),
        _walls(told, device),
        _rules(told),
        _disk(told),
        *_settings(told),
    ]


def text(told: Mapping[str, Any]) -> str:
    """The forecast for a terminal."""
    parts = [visible(part) for part in (_heading(told), *told["notes"])]
    for table in tables(told):
        lines = [[visible(cell) for cell in line] for line in (table.head, *table.rows)]
        widths = [max(len(line[i]) for line in lines) for i in range(len(table.head))]
        parts.append("\n" + visible(table.title))
        for line in lines:
            cells = [
                cell.ljust(width) if i == 0 else cell.rjust(width)
                for i, (cell, width) in enumerate(zip(line, widths, strict=True))
            ]
            parts.append("  " + "  ".join(cells).rstrip())
    return "\n".join(parts)


def html(told: Mapping[str, Any]) -> str:
    """The forecast as the body of a page."""
    parts = [f"<h1>{escape.html(_heading(told))}</h1>"]
    parts += [f"<p>{escape.html(note)}</p>" for note in told["notes"]]
    for table in tables(told):
        head = "".join(
            f'<th scope="col"{_name_class(i)}>{escape.html(cell)}</th>'
            for i, cell in enumerate(table.head)
        )
        body = "".join(
            f'<tr><th scope="row" class="name">{escape.html(row[0])}</th>'
            + "".join(f"<td>{escape.html(cell)}</td>" for cell in row[1:])
            + "</tr>\n"
            for row in table.rows
        )
        parts.append(
            f"<section><h2>{escape.html(table.title)}</h2>\n"
            f'<div class="scroll" tabindex="0"><table>\n'
            f"<thead><tr>{head}</tr></thead>\n<tbody>\n{body}</tbody>\n</table></div></section>"
        )
    return "\n".join(parts)


def _name_class(column: int) -> str:
    return ' class="name"' if column == 0 else ""


def _heading(told: Mapping[str, Any]) -> str:
    return f"Forecast for {told['device']}, {told['basis']} speeds"


def _targets(told: Mapping[str, Any], device: str) -> PageTable:
    head = ["target", "jobs", "FLOP", "GPU-h", "CPU-h", "GPU GB", "host GB", "disk GB", "peak GB"]
    columns = ("gpu_hours", "cpu_hours", "peak_gpu_gb", "peak_host_gb", "disk_gb", "peak_disk_gb")
    rows = [
        [row["target"], str(row["jobs"]), f"{row['flops']:.2g}", *(_short(row[c]) for c in columns)]
        for row in told["targets"]
    ]
    return PageTable("What it takes from nothing; shared jobs count once in all", head, rows)


def _walls(told: Mapping[str, Any], device: str) -> PageTable:
    counts = list(told["targets"][-1]["wall_hours"])
    rows = [
        [row["target"], *(duration(row["wall_hours"][count]) for count in counts)]
        for row in told["targets"]
    ]
    return PageTable(
        f"Wall time by number of {device}, from a simulated queue", ["target", *counts], rows
    )


def _rules(told: Mapping[str, Any]) -> PageTable:
    head = [
        "rule", "jobs", "on", "hours", "longest", "GPU GB", "host GB", "asks for", "and MB",
        "done", "time", "CPU", "memory",
    ]  # fmt: skip
    rows = [
        [
            row["rule"], str(row["jobs"]), row["device"], _short(row["hours"]),
            duration(row["longest_hours"]), _short(row["peak_gpu_gb"]), _short(row["peak_host_gb"]),
            duration(row["asked_minutes"] / 60), str(row["asked_mb"]), str(row["done"] or ""),
            _ratio(row["actual_over_forecast"]), _ratio(row["cpu_over_forecast"]),
            _ratio(row["memory_over_forecast"]),
        ]
        for row in told["rules"]
    ]  # fmt: skip
    return PageTable(
        "By rule; the last columns are the finished jobs' figures over their forecast", head, rows
    )


def _disk(told: Mapping[str, Any]) -> PageTable:
    rows = [
        [
            row["what"],
            row["kind"] + (", goes by itself" if row["temporary"] else ""),
            str(row["files"]),
            size(row["bytes"]),
        ]
        for row in told["disk"]
    ]
    return PageTable("Disk, below results", ["files", "kind", "number", "size"], rows)


def _settings(told: Mapping[str, Any]) -> list[PageTable]:
    found = []
    if told["chunks"]:
        hours = [f"{h} h" for h in CHUNK_HOURS]
        rows = [
            [
                row["dataset"],
                duration(row["seconds_per_class"] / 3600),
                *(str(row[h]) for h in hours),
            ]
            for row in told["chunks"]
        ]
        head = ["data set", "one class", *hours]
        found.append(PageTable("classes_per_chunk, for jobs of at most about", head, rows))
    if told["batches"]:
        sizes = [key for key in told["batches"][0] if key.endswith(" GB")]
        rows = [
            [
                row["setting"],
                str(row["now"]),
                _short(row["needs_gb"]),
                *(str(row[s] or "too small") for s in sizes),
            ]
            for row in told["batches"]
        ]
        head = ["setting", "now", "needs GB", *sizes]
        title = "Largest batch by memory of the GPU; precision: bf16 takes about half as much"
        found.append(PageTable(title, head, rows))
    return found


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _short(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def duration(hours: float) -> str:
    """A duration in a unit that suits it: ``40 s``, ``12 min``, ``3.2 h``, ``9.0 d``."""
    if hours < 1 / 60:
        return f"{3600 * hours:.2g} s"
    if hours < 1:
        return f"{60 * hours:.0f} min"
    return f"{hours:.1f} h" if hours < 48 else f"{hours / 24:.1f} d"


def size(count: float) -> str:
    """A number of bytes in a unit that suits it."""
    for unit in ("kB", "MB", "GB"):
        count /= 1000
        if count < 1000 or unit == "GB":
            return f"{count:.1f} {unit}" if count < 10 else f"{count:,.0f} {unit}"
    return ""
