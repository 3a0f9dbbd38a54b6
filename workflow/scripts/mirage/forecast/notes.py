"""What a reader of the forecast must know beside its figures."""

from collections.abc import Callable, Mapping
from dataclasses import replace

from mirage.forecast.graph import Plan, units_of
from mirage.forecast.speeds import Model
from mirage.forecast.work import Job
from mirage.study.in_use import datasets_in_use
from mirage.visible import listed


def sources(model: Model, jobs: Plan) -> list[str]:
    """What a reader must know of where the figures come from."""
    speeds, told = model.speeds, []
    if speeds.calibration is None:
        why = "Nothing has been measured yet"
        if speeds.left_aside is not None:
            other = speeds.left_aside["device"]
            why = (
                f"What was measured on {other['name']} ({other['kind']}) is left aside, since the "
                f"jobs' device is {speeds.device}"
            )
        told.append(
            f"{why}: the speeds are those of {speeds.name}, from "
            "workflow/presets/forecast/anchors.yaml. `snakemake calibrate`, with the jobs' own "
            "--profile or --config, measures yours."
        )
    else:
        units = units_of(jobs)
        timed = sum(speeds.measured(unit) is not None for unit in units)
        told.append(
            f"Measured on {speeds.name} in {speeds.calibration['seconds']:.0f} s: "
            f"{timed} of {len(units)} kinds of work"
            + ("." if timed == len(units) else "; the others take rates of their kind or assumed.")
        )
    shop = model.workshop
    names = sorted(datasets_in_use(shop.study))
    if assumed := [name for name in names if not shop.images(name).counted]:
        told.append(f"Published sizes are taken for {listed(assumed)}, not prepared yet.")
    return told


def limits(model: Model, jobs: Plan, attempts: int) -> list[str]:
    """Which requests are cut to the limits of the configuration, and what to do where that hurts.

    A job is started ``attempts`` times before Snakemake gives up.
    """
    free = replace(model, longest_minutes=None, most_mb=None)
    told = []
    if model.longest_minutes is not None:
        limit = model.longest_minutes
        told += _cut(f"longest_minutes ({limit})", _largest(jobs, free.minutes), limit, attempts)
        hours = _largest(jobs, lambda job: free.estimate(job).seconds / 3600)
        if long := {rule: h for rule, h in hours.items() if h > attempts * limit / 60}:
            chunks = {job.rule for job in jobs if "/" in dict(job.wildcards).get("part", "")}
            chunked = [rule for rule in long if rule in chunks]
            told.append(
                f"Not done after {attempts} times {limit} minutes: "
                + listed(f"{rule} ({h:,.1f} h)" for rule, h in long.items())
                + ". Each attempt goes on where the last ended: raise retries or longest_minutes"
                + (f", or lower classes_per_chunk for {' and '.join(chunked)}" if chunked else "")
                + "."
            )
    if model.most_mb is not None:
        limit = model.most_mb
        told += _cut(f"most_mb ({limit})", _largest(jobs, free.megabytes), limit, attempts)
        needs = _largest(jobs, lambda job: free.estimate(job).host_bytes / 1e6)
        if large := {rule: mb for rule, mb in needs.items() if mb > limit}:
            told.append(
                f"Will not fit into {limit} MB: "
                + listed(f"{rule} ({mb:,.0f} MB)" for rule, mb in large.items())
                + ". Raise most_mb where the nodes have more."
            )
    return told


def _largest(jobs: Plan, value: Callable[[Job], float]) -> dict[str, float]:
    """By rule, the largest value among its jobs."""
    found: dict[str, float] = {}
    for job in jobs:
        found[job.rule] = max(found.get(job.rule, 0.0), value(job))
    return found


def _cut(name: str, wanted: Mapping[str, float], limit: int, attempts: int) -> list[str]:
    """Which rules ask for less than they would, and from which attempt on."""
    first = {rule: int(limit // value) + 1 for rule, value in wanted.items()}
    cut = [
        rule if attempt == 1 else f"{rule} (from attempt {attempt} on)"
        for rule, attempt in first.items()
        if attempt <= attempts
    ]
    return [f"Requests cut to {name}: {listed(cut)}."] if cut else []
