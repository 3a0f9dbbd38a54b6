"""What a plan leaves on the disk."""

import re
from typing import Any

from mirage import places
from mirage.forecast.graph import Plan
from mirage.forecast.work import Job
from mirage.study.grammar import CHUNK


def rows(jobs: Plan) -> list[dict[str, Any]]:
    """Every store and cache, and the results by kind of file, with size; largest first."""
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for job, task in jobs.items():
        for path, size in task.outputs.items():
            kind, name = places.kind(path), _without_cell(job, path)
            row = found.setdefault(
                (kind, name), {"kind": kind, "what": name, "files": 0, "bytes": 0.0}
            )
            row["files"] += 1
            row["bytes"] += size
            row["temporary"] = path in task.temporary
    state = max((task.work.state_bytes for task in jobs.values()), default=0.0)
    found["state", "state/…"] = {
        "kind": "state",
        "what": "state/… (largest)",
        "files": 1,
        "bytes": state,
        "temporary": True,
    }
    order = ("store", "cache", "result", "state", "log")
    told = _without_small(list(found.values()))
    return sorted(told, key=lambda row: (order.index(row["kind"]), -row["bytes"]))


def _without_cell(job: Job, path: str) -> str:
    """Name of a file under which those of all cells are told together, chunks as well."""
    cell = dict(job.wildcards)
    for key in ("target", "attack"):
        if key in cell:
            path = path.replace(f"/{cell[key]}/", "/…/")
    return re.sub(rf"/{CHUNK}\.", "/….", path.replace("…/…", "…"))


def _without_small(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Tell results that make up less than a hundredth of all together."""
    least = sum(row["bytes"] for row in rows) / 100
    small = [row for row in rows if row["kind"] == "result" and row["bytes"] < least]
    if not small:
        return rows
    rest = {
        "kind": "result",
        "what": "all other results",
        "files": sum(row["files"] for row in small),
        "bytes": sum(row["bytes"] for row in small),
        "temporary": False,
    }
    return [*(row for row in rows if row not in small), rest]
