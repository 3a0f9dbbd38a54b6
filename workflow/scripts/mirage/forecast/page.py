"""The forecast in words: text for the terminal, one HTML page."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from mirage.forecast.summary import CHUNK_HOURS
from mirage.visible import visible


class PageTable(NamedTuple):
    """A titled table of text; the first column is a name, the others are figures."""

    title: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]


Columns = Sequence[tuple[str, str, Callable[[Any], str]]]
"""Of each column its title, the key in a row, and how the value is told."""


def tables(told: Mapping[str, Any]) -> list[PageTable]:
    """All tables of a forecast; advice stands in them where there is some.

    Args:
        told: from ``summary.forecast``.
    """
    device = "GPUs" if told["kind"] == "cuda" else "cores"
    walls = [{"target": row["target"], **row["wall_hours"]} for row in told["targets"]]
    counts = [(count, count, duration) for count in told["targets"][-1]["wall_hours"]]
    rules = [{**row, "asked_hours": row["asked_minutes"] / 60} for row in told["rules"]]
    chunks = [{**row, "hours": row["seconds_per_class"] / 3600} for row in told["chunks"]]
    sizes = [(key, key, _fitting) for row in told["batches"][:1] for key in row if " GB" in key]
    found = [
        _table(
            "What it takes from nothing; shared jobs count once in all", _TARGET, told["targets"]
        ),
        _table(
            f"Wall time by number of {device}, from a simulated queue", (_TARGET[0], *counts), walls
        ),
        _table(
            "By rule; the last columns are the finished jobs' figures over their forecast",
            _RULE,
            rules,
        ),
        _table("Disk, below results", _DISK, [{**row, "kind": _kind(row)} for row in told["disk"]]),
        _table("classes_per_chunk, for jobs of at most about", _CHUNK, chunks),
        _table(
            "Largest batch by memory of the GPU; precision: bf16 takes about half as much",
            (*_BATCH, *sizes),
            told["batches"],
        ),
        _table(
            "GPU-hours in batches, and at least one image at a time", _TOGETHER, told["together"]
        ),
    ]
    return [table for table in found if table.rows]


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
    from mirage.paper.render import environment

    template = environment().get_template("forecast.html")
    return template.render(heading=_heading(told), notes=told["notes"], tables=tables(told))


def _heading(told: Mapping[str, Any]) -> str:
    return f"Forecast for {told['device']}, {told['basis']} speeds"


def _table(title: str, columns: Columns, rows: Iterable[Mapping[str, Any]]) -> PageTable:
    head = [name for name, _, _ in columns]
    return PageTable(title, head, [[tell(row[key]) for _, key, tell in columns] for row in rows])


def _kind(row: Mapping[str, Any]) -> str:
    return f"{row['kind']}, goes by itself" if row["temporary"] else str(row["kind"])


def _fitting(batch: int) -> str:
    return str(batch or "too small")


def _counted(jobs: int) -> str:
    return str(jobs or "")


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


_TARGET: Columns = (
    ("target", "target", str), ("jobs", "jobs", str), ("FLOP", "flops", "{:.2g}".format),
    ("GPU-h", "gpu_hours", _short), ("CPU-h", "cpu_hours", _short),
    ("GPU GB", "peak_gpu_gb", _short), ("host GB", "peak_host_gb", _short),
    ("disk GB", "disk_gb", _short), ("peak GB", "peak_disk_gb", _short),
)  # fmt: skip
_RULE: Columns = (
    ("rule", "rule", str), ("jobs", "jobs", str), ("on", "device", str),
    ("hours", "hours", _short), ("longest", "longest_hours", duration),
    ("GPU GB", "peak_gpu_gb", _short), ("host GB", "peak_host_gb", _short),
    ("asks for", "asked_hours", duration), ("and MB", "asked_mb", str), ("done", "done", _counted),
    ("time", "actual_over_forecast", _ratio), ("CPU", "cpu_over_forecast", _ratio),
    ("memory", "memory_over_forecast", _ratio),
)  # fmt: skip
_DISK: Columns = (
    ("files", "what", str), ("kind", "kind", str), ("number", "files", str),
    ("size", "bytes", size),
)  # fmt: skip
_CHUNK: Columns = (
    ("data set", "dataset", str), ("one class", "hours", duration),
    *((f"{h} h", f"{h} h", str) for h in CHUNK_HOURS),
)  # fmt: skip
_TOGETHER: Columns = (
    ("work", "work", str), ("images", "images", str), ("hours", "hours", _short),
    ("alone", "alone_hours", _short),
)  # fmt: skip
_BATCH: Columns = (
    ("setting", "setting", str), ("now", "now", str), ("needs GB", "needs_gb", _short),
)  # fmt: skip
