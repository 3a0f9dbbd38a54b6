"""What a study cost: time, start-up, memory and code by rule, and the machines that worked."""

import statistics
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from mirage.runtime.digest import Digests
from mirage.runtime.progress import clock


def stages(
    jobs: Iterable[Mapping[str, Any]],
    digests: Digests,
    forecast: Mapping[str, Mapping[str, float]] | None = None,
) -> list[dict[str, str]]:
    """Time, start-up share, memory and code of each rule, and of all together, from job records.

    ``digests`` are of the code now, ``forecast`` is what ``mirage.forecast.summary.compare`` says.

    Returns:
        One row of text per rule in order of first appearance, then the total. ``startup_s``, the
        time before a job's own work begins, is no part of ``wall_s``.
    """
    by_rule: dict[str, list[Mapping[str, Any]]] = {}
    for job in jobs:
        by_rule.setdefault(str(job["rule"]), []).append(job)
    forecast = forecast or {}
    rows = [
        {**_stage(rule, records, forecast.get(rule)), "code": _code(rule, records, digests)}
        for rule, records in by_rule.items()
    ]
    if rows:
        everything = [job for records in by_rule.values() for job in records]
        rows.append({**_stage("total", everything, _sum(forecast)), "code": ""})
    return rows


def _sum(forecast: Mapping[str, Mapping[str, float]]) -> dict[str, float]:
    """All rules together: sums of time, the largest memory."""
    if not forecast:
        return {}
    whole = {key: sum(row[key] for row in forecast.values()) for key in ("wall_s", "forecast_s")}
    most = {key: max(row[key] for row in forecast.values()) for key in ("peak_mb", "forecast_mb")}
    return whole | most


def _stage(
    rule: str, jobs: Sequence[Mapping[str, Any]], forecast: Mapping[str, float] | None
) -> dict[str, str]:
    wall, startup, cpu = (sum(job[key] for job in jobs) for key in ("wall_s", "startup_s", "cpu_s"))

    def over(measured: str, forecast_of_it: str) -> str:
        if not forecast:
            return ""
        return f"{forecast[measured] / max(forecast[forecast_of_it], 1e-9):.2f}"

    return {
        "rule": rule,
        "jobs": str(len(jobs)),
        "work": clock(wall),
        "forecast": clock(forecast["forecast_s"]) if forecast else "",
        "ratio": over("wall_s", "forecast_s"),
        "memory_ratio": over("peak_mb", "forecast_mb"),
        "median": f"{statistics.median(float(job['wall_s']) for job in jobs):.1f} s",
        "startup": clock(startup),
        "share": f"{100 * startup / max(wall + startup, 1e-9):.0f} %",
        "cpu": clock(cpu),
        "memory": f"{max(float(job['peak_memory_mb']) for job in jobs):.0f} MB",
    }


def _code(rule: str, jobs: Sequence[Mapping[str, Any]], digests: Digests) -> str:
    told = ", ".join(dict.fromkeys(str(code) for job in jobs if (code := job.get("code"))))
    stale = [
        now
        for job in jobs
        if rule in digests and job.get("code") != (now := digests.of(rule, job["params"]))
    ]
    if stale:
        changed = f"made by code that has changed since (now {', '.join(dict.fromkeys(stale))})"
        told += f" – {len(stale)} of {len(jobs)} {changed}"
    return told


def machines(jobs: Iterable[Mapping[str, Any]]) -> list[dict[str, str]]:
    """The kinds of machine that did the jobs, with their software."""
    found: Counter[tuple[str, str, str]] = Counter()
    for job in jobs:
        machine = job["machine"]
        name = f"{machine['device']}, {machine['cores']} cores, {machine['node']}"
        versions = ", ".join(f"{key} {value}" for key, value in job["versions"].items() if value)
        found[name, f"Python {job['python']}, {versions}", str(job["threads"])] += 1
    return [
        {"machine": name, "software": software, "threads": threads, "jobs": str(count)}
        for (name, software, threads), count in found.items()
    ]
