"""What a study cost: time, start-up, memory and code by rule, and the machines that worked."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mirage.runtime.progress import clock


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
    codes = dict.fromkeys(str(code) for job in jobs if (code := job.get("code")))
    stale = sum(1 for job in jobs if now and job.get("code") != now)
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
